"""Several processes of one program that serve together: `PORT=8000 python serve.py`."""
# ruff: noqa: E402 (what is imported before the patches keeps what they replace)

from gevent import monkey

monkey.patch_all()

import multiprocessing
import os
import signal

import gevent

from longma import WSGIServer


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()}\n".encode()]


server = WSGIServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), application, log=None)


def serve():
    gevent.signal_handler(signal.SIGTERM, server.stop)
    server.start_accepting()
    server._stop_event.wait()
    server.stop(timeout=10)


def main():
    server.start()
    print(f"Serving on http://{server.full_address}", flush=True)
    context = multiprocessing.get_context("fork")  # the others do not inherit the server
    children = [context.Process(target=serve) for _ in range(int(os.environ.get("CHILDREN", "3")))]
    for child in children:
        child.start()
    serve()
    for child in children:
        child.terminate()
        child.join()


if __name__ == "__main__":
    main()
