"""What a hook has changed of a request before the application gets it.

Gunicorn makes the environ when `pre_request` has returned, of what the request is then. Here it is made before, and
what was changed since is carried over: whatever the hook has left alone stays as the engine made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from longma.typing import Environ, Fields

# Named without HTTP_ before them (RFC 3875 §4.1); of several the last one counts.
_OWN_NAMES = ("CONTENT_TYPE", "CONTENT_LENGTH")
# What the environ has of the request's other attributes.
_NAMES = (
    *(("method", "REQUEST_METHOD"), ("uri", "RAW_URI"), ("query", "QUERY_STRING")),
    *(("scheme", "wsgi.url_scheme"), ("body", "wsgi.input")),
)


class Request(Protocol):
    """What of a request an environ is made of."""

    method: str
    uri: str
    path: str
    query: str
    scheme: str
    headers: Fields
    body: Any


class Before(NamedTuple):
    """What a request was before the hook saw it."""

    fields: Fields
    path: str
    others: tuple[object, ...]


def remember(request: Request) -> Before:
    """Return what `carry_over` is to compare with."""
    return Before(list(request.headers), request.path, _others_of(request))


def carry_over(environ: Environ, request: Request, before: Before) -> None:
    """Write into the environ what has changed.

    Raises:
        ValueError: the path does not lead into SCRIPT_NAME any more.
    """
    fields = [(name.upper(), value) for name, value in request.headers]
    changed = set() if fields == before.fields else _changed(before.fields, fields)
    for key in changed:
        values = [value for name, value in fields if _key(name) == key]
        if not values:
            environ.pop(key, None)
        elif key in _OWN_NAMES:
            environ[key] = values[-1]
        else:
            environ[key] = ("; " if key == "HTTP_COOKIE" else ",").join(values)
    for (_, key), was, now in zip(_NAMES, before.others, _others_of(request), strict=True):
        if was is not now and was != now:
            environ[key] = now
    if request.path != before.path or "HTTP_SCRIPT_NAME" in changed:
        _enter(environ, request.path, environ.get("HTTP_SCRIPT_NAME", environ["SCRIPT_NAME"]))


def _others_of(request: Request) -> tuple[object, ...]:
    return tuple(getattr(request, name) for name, _ in _NAMES)


def _changed(before: Fields, now: Fields) -> set[str]:
    """Return the keys of the fields that are not what they were, in number, value or order."""
    keys = {_key(name) for name, _ in (*before, *now)}
    return {key for key in keys if _values(before, key) != _values(now, key)}


def _values(fields: Fields, key: str) -> list[str]:
    return [value for name, value in fields if _key(name) == key]


def _key(name: str) -> str:
    key = name.replace("-", "_")
    return key if key in _OWN_NAMES else f"HTTP_{key}"


def _enter(environ: Environ, path: str, script_name: Any) -> None:
    from urllib.parse import unquote_to_bytes  # only where a hook rewrites paths

    rest = path.removeprefix(script_name)
    if script_name and (not path.startswith(script_name) or rest[:1] not in ("", "/")):
        raise ValueError(f"the path {path!r} is not below SCRIPT_NAME, {script_name!r}")
    environ["SCRIPT_NAME"] = script_name
    environ["PATH_INFO"] = unquote_to_bytes(rest.encode("latin-1")).decode("latin-1")
