"""The master: decides how many workers there are and what becomes of them; never touches a request."""
