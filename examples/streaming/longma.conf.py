# longma -c longma.conf.py board:application
worker_class = "gevent"
workers = 1
# As many streams at once, and other requests beside them.
worker_connections = 2000
# A stream has no end of its own: a stop waits no longer for it.
graceful_timeout = 5
