"""longma inside of another program, which has its own command line or none."""
