"""A server inside a program that has gevent, and does other things besides: `PORT=8000 python serve.py`."""
# ruff: noqa: E402 (what is imported before the patches keeps what they replace)

from gevent import monkey

monkey.patch_all()

import os
import signal
import time

import gevent

from longma import WSGIServer

started_at = time.monotonic()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"up for {time.monotonic() - started_at:.0f} seconds, counted to {counter['seconds']}\n".encode()]


counter = {"seconds": 0}


def count():
    """Whatever else the program does: it goes on between two requests."""
    while True:
        gevent.sleep(1)
        counter["seconds"] += 1


def main():
    server = WSGIServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), application, log=None)
    server.start()
    gevent.spawn(count)
    gevent.signal_handler(signal.SIGTERM, server.stop)
    print(f"Serving on http://{server.full_address}", flush=True)
    server.serve_forever(stop_timeout=10)


if __name__ == "__main__":
    main()
