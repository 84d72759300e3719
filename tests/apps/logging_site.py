"""Applications that write to logs in the ways sites do: by wsgi.errors, print, the library's loggers, Flask's."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from urllib.parse import parse_qs, unquote_to_bytes

from flask import Flask

from tests.apps.common import Environ, Start

if "LONGMA_TEST_FAILS" in os.environ:
    raise RuntimeError("fails on purpose")


def is_no_health_check(record: logging.LogRecord) -> bool:
    """The filter that many sites have."""
    return "/health" not in record.getMessage()


if "LONGMA_TEST_FILTER" in os.environ:
    logging.getLogger("gunicorn.access").addFilter(is_no_health_check)

flask_app = Flask(__name__)
gunicorn = logging.getLogger("gunicorn.error")
flask_app.logger.handlers = gunicorn.handlers
flask_app.logger.setLevel(gunicorn.level)


@flask_app.get("/")
def index() -> str:
    flask_app.logger.debug("below the level")
    flask_app.logger.info("by %s", "Flask")
    return "said"


@flask_app.get("/fails")
def fails() -> str:
    raise ValueError("Flask's own\n[2026-01-01 00:00:00 +0000] [1] [INFO] forged")


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Writes the words of the query's `say` by the way that the path names."""
    words = parse_qs(environ["QUERY_STRING"]).get("say", [""])[0]
    match environ["PATH_INFO"]:
        case "/errors":
            print(words, file=environ["wsgi.errors"])
        case "/print":
            print(words)
        case "/stderr":
            os.write(2, f"{words}\n".encode())
        case "/stdout":
            sys.stdout.write(f"{words}\n")
        case "/error-logger":
            gunicorn.warning("%s", words)
        case "/access-logger":
            logging.getLogger("gunicorn.access").info("%s", words)
        case "/raise":
            raise ValueError(unquote_to_bytes(environ["QUERY_STRING"]).decode("latin-1"))
    start_response("200 OK", [("Content-Length", "2"), ("X-Says", "out")])
    return [b"ok"]
