"""The settings: one table of rows, the places values come from, and how they become one immutable `Settings`.

Nothing here opens a socket, starts a process or writes a log. What a setting means is said where it is used; what it
is called, what it may hold, its default and its words in the documentation are said in `sections/` and nowhere else.
"""
