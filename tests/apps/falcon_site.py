"""A Falcon site with the same paths as the other frameworks' sites."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import falcon
from falcon import Request, Response

from tests.apps.gate import stop

View = Callable[..., None]


def index(request: Request, response: Response) -> None:
    response.text = "Hello from Falcon"


def as_json(request: Request, response: Response) -> None:
    response.media = {
        "host": request.netloc,
        "path": request.path,
        "args": dict(request.params),
        "scheme": request.scheme,
    }


def form(request: Request, response: Response) -> None:
    media = request.get_media()
    response.media = {name: value if isinstance(value, list) else [value] for name, value in media.items()}


def upload(request: Request, response: Response) -> None:
    files: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for part in request.get_media():
        if part.filename:
            files[part.name] = [part.filename, hashlib.sha256(part.stream.read()).hexdigest()]
        else:
            fields[part.name] = part.text
    response.media = {"files": files, "form": fields}


def raw(request: Request, response: Response) -> None:
    response.content_type = "application/octet-stream"
    response.data = request.stream.read()


def count(request: Request, response: Response) -> None:
    visits = int(request.cookies.get("visits", 0)) + 1
    response.set_cookie("visits", str(visits), secure=False)
    response.media = visits


def cookies(request: Request, response: Response) -> None:
    response.set_cookie("first", "1", secure=False)
    response.set_cookie("second", "2", secure=False, http_only=True)
    response.media = dict(request.cookies)


def elsewhere(request: Request, response: Response) -> None:
    raise falcon.HTTPFound("/json?from=redirect")


def stream(request: Request, response: Response) -> None:
    def blocks() -> Iterator[bytes]:
        for index in range(3):
            yield f"/stream {index}\n".encode()
            stop(f"after block {index}")

    response.content_type = "text/plain"
    response.stream = blocks()


def file(request: Request, response: Response, path: str) -> None:
    response.content_type = "application/octet-stream"
    response.stream = open(f"/{path}", "rb")  # noqa: SIM115 - Falcon closes it


def teapot(request: Request, response: Response) -> None:
    response.status = falcon.HTTP_418


def fault(request: Request, response: Response) -> None:
    raise RuntimeError("a fault in a view")


class Resource:
    """A resource that answers GET and POST with one function."""

    def __init__(self, view: View) -> None:
        self.view = view

    def on_get(self, request: Request, response: Response, **parts: str) -> None:
        self.view(request, response, **parts)

    on_head = on_post = on_get


VIEWS = {
    "/": index,
    "/json": as_json,
    "/form": form,
    "/upload": upload,
    "/raw": raw,
    "/count": count,
    "/cookies": cookies,
    "/redirect": elsewhere,
    "/stream": stream,
    "/file/{path:path}": file,
    "/teapot": teapot,
    "/fault": fault,
}

app = falcon.App()
for template, view in VIEWS.items():
    app.add_route(template, Resource(view))
