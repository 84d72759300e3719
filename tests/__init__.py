"""The tests of longma. `support` holds the harness, `apps` what the server is given to serve."""
