"""longma: a pre-fork application server for Python."""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Return `longma.serve` or `longma.WSGIServer`, which the command has no use for, when a program asks for it."""
    if name == "serve":
        return __import__("longma.app.embed", fromlist=[name]).serve
    if name == "WSGIServer":
        try:
            return __import__("longma.app.wsgi_server", fromlist=[name]).WSGIServer
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "gevent":
                raise
            raise ImportError('longma.WSGIServer needs gevent: pip install "longma[gevent]"') from None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
