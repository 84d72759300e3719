# Each open WebSocket holds a thread: as many of them as there may be at once, and some for everything else.
worker_class = "gthread"
workers = 2
threads = 100
# How long open WebSockets may go on when the server is stopped or reloaded.
graceful_timeout = 10
