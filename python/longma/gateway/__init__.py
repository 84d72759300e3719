"""The way to the application: finding it, and the words for what it does wrong."""
