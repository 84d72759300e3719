"""The well-behaved answers inside wsgiref's validator, which raises on any breach of PEP 3333."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.validate import validator

from tests.apps import answers, seen
from tests.apps.common import Environ, Start


def echo_sized(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """As `answers.answer_echo`, reading the way the validator allows: with a size."""
    body = b"".join(iter(lambda: environ["wsgi.input"].read(4096), b""))
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
    return [body]


def chosen(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The answer the path names."""
    if environ["PATH_INFO"] == "/echo":
        return echo_sized(environ, start_response)
    if environ["PATH_INFO"] == "/environ":
        return seen.environ(environ, start_response)
    if environ["PATH_INFO"] == "/reads":
        return seen.reads(environ, start_response)
    return answers.application(environ, start_response)


application = validator(chosen)
