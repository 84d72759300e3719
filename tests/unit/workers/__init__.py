"""A worker's life without its engine."""
