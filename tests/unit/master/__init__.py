"""The master's decisions as values, and its loop with real processes."""
