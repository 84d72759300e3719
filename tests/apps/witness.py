"""An application that bears witness to what reached it, in a field of its answer, so that HEAD can be asked too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from tests.apps.common import Environ, Start

NAMES = ("REQUEST_METHOD", "RAW_URI", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL")


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Answer 200, or 405 to CONNECT, which would make the connection a tunnel."""
    body = environ["wsgi.input"].read()
    seen = {name: environ[name] for name in NAMES}
    seen["fields"] = {name: value for name, value in environ.items() if name.startswith(("HTTP_", "CONTENT_"))}
    seen["body"] = [len(body), hashlib.sha256(body).hexdigest()]
    status = "405 Method Not Allowed" if environ["REQUEST_METHOD"] == "CONNECT" else "200 OK"
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", "4"), ("X-Seen", json.dumps(seen))])
    return [b"seen"]
