"""The words for an application that failed: while it answered a request, or, with `reload`, while it was loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longma.logs.escape import escaped

if TYPE_CHECKING:
    from longma.typing import Environ, StartResponse, WSGIApplication

HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>The application does not load</title></head>
<body>
<h1>The application does not load</h1>
<p>It is tried again as soon as a file of it changes.</p>
<pre>"""
FOOT = "</pre>\n</body>\n</html>\n"


def describe(method: str, path: str) -> str:
    """Return the first line of the log record, which the traceback follows."""
    return f"Error handling request {escaped(method)} {escaped(path)}".replace("\n", "\\n")


def page(text: str) -> WSGIApplication:
    """Return an application that answers every request with this text, as a page of status 500.

    Only for development: a traceback is nobody else's business.
    """
    body = f"{HEAD}{as_html(text)}\n{FOOT}".encode("utf-8", "backslashreplace")
    fields = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ]

    def application(_environ: Environ, start_response: StartResponse) -> list[bytes]:
        start_response("500 Internal Server Error", fields)
        return [body]

    return application


def as_html(text: str) -> str:
    """Return text that shows as itself in a page."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
