"""What is served, with `reload`, in place of an application that does not load."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
