"""Signals, forks, shared memory and sockets as the system has them."""
