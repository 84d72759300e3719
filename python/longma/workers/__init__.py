"""The worker: what a forked child does from its first line to its exit status."""
