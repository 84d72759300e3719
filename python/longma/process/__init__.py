"""Services of the operating system for processes: signals, forking, shared memory, ties between them."""
