"""longma: a pre-fork application server for Python."""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Return `longma.serve` or `longma.WSGIServer`, which the command has no use for, when a program asks for it."""
    if name == "serve":
        return __import__("longma.app.embed", fromlist=[name]).serve
    if name == "WSGIServer":
        reason = __import__("longma.workers.extras", fromlist=[name]).lacking("gevent")
        if reason is not None:
            raise ImportError(f"longma.WSGIServer {reason}")
        return __import__("longma.app.wsgi_server", fromlist=[name]).WSGIServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
