"""The control socket: what a running server is asked and told, and by whom; it knows nothing of the master."""
