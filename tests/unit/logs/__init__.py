"""What stands in the error log, and how it gets there."""
