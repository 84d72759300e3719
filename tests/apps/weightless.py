"""An application that imports nothing but sys, to see what the server itself carries."""

import sys


def application(environ, start_response):  # type: ignore[no-untyped-def]
    """A fixed answer, or the names of every module in the worker."""
    body = " ".join(sys.modules).encode() if environ["PATH_INFO"] == "/modules" else b"light"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
