"""What switches between the greenlets of a thread, a module for each library that does."""
