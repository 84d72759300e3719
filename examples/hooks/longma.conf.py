"""Database connections that a fork must not share, and a worker that says what it did."""

import os

bind = "127.0.0.1:8000"
workers = 2
preload_app = True
max_requests = 10_000
max_requests_jitter = 1_000


def post_fork(server, worker):
    """In each worker: what the preloaded application opened in the master belongs to the master."""
    os.environ["WORKER_AGE"] = str(worker.age)


def worker_exit(server, worker):
    """In each worker, last of all."""
    server.log.info("Worker %s answered %s requests", worker.pid, worker.nr)
