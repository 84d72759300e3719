"""Addresses and sockets as the system has them."""
