"""Applications that the tests have the server serve; none knows the harness beyond its gates."""
