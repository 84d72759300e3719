"""Applications that show what they were given: the environ, and what the methods of the input return."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tests.apps.common import Environ, Start


def answer(start_response: Start, what: object) -> Iterable[bytes]:
    """What was found, as JSON."""
    body = json.dumps(what).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def environ(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Every key of the environ, and the type of the environ itself."""
    return answer(start_response, {"environ": shown(environ), "type": type(environ).__name__})


def shown(environ: Environ) -> dict[str, object]:
    """The environ as JSON can hold it: text as it is, anything else as its type's name and its repr."""
    return {
        name: value if isinstance(value, str) else [type(value).__name__, repr(value)]
        for name, value in environ.items()
    }


def body(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The target and the body, as latin-1, for whoever asks what the application saw."""
    seen = environ["wsgi.input"].read().decode("latin-1")
    names = ("REQUEST_METHOD", "RAW_URI", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL")
    fields = {name: value for name, value in environ.items() if name.startswith(("HTTP_", "CONTENT_"))}
    return answer(start_response, {"body": seen, "fields": fields, **{name: environ[name] for name in names}})


def reads(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """What a sequence of reads gives: the query is `read:3,readline,readlines:5,iterate,next`."""
    stream = environ["wsgi.input"]
    results: list[object] = []
    for step in environ["QUERY_STRING"].split(","):
        name, _, size = step.partition(":")
        if name == "iterate":
            results.append([line.decode("latin-1") for line in stream])
        elif name == "next":
            results.append(next(stream, b"(end)").decode("latin-1"))
        else:
            given = getattr(stream, name)(*([None if size == "None" else int(size)] if size else []))
            results.append(
                [line.decode("latin-1") for line in given] if isinstance(given, list) else given.decode("latin-1")
            )
    return answer(start_response, results)


def spoiled(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Shows the environ, then does to it what middleware does: adds, changes, takes away, empties."""
    body = shown(environ)
    environ["spoiled.key"] = "left behind"
    environ["PATH_INFO"] = environ["HTTP_HOST"] = environ["wsgi.url_scheme"] = "spoiled"
    environ.pop("SERVER_NAME", None)
    if environ["QUERY_STRING"] == "clear":
        environ.clear()
    return answer(start_response, body)


def complain(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Writes to wsgi.errors in every way it has."""
    errors = environ["wsgi.errors"]
    errors.write("one line\n")
    errors.writelines(["two ", "parts\n"])
    print("printed", file=errors)
    errors.flush()
    return answer(start_response, "complained")


def hints(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Sends a 103 before its answer."""
    environ["wsgi.early_hints"]([("Link", "</style.css>; rel=preload")])
    return answer(start_response, "hinted")
