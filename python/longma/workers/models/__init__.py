"""The ways in which a worker calls its application, a module each."""
