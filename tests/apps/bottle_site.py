"""A Bottle site with the same paths as the other frameworks' sites."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from bottle import Bottle, HTTPResponse, redirect, request, response, static_file

from tests.apps.gate import stop

app = Bottle()


@app.get("/")
def index() -> str:
    return "Hello from Bottle"


@app.get("/json")
def as_json() -> dict[str, Any]:
    parts = request.urlparts
    return {"host": parts.netloc, "path": request.path, "args": dict(request.query.decode()), "scheme": parts.scheme}


@app.post("/form")
def form() -> dict[str, Any]:
    fields = request.forms.decode()
    return {name: fields.getall(name) for name in fields}


@app.post("/upload")
def upload() -> dict[str, Any]:
    files = {
        name: [file.raw_filename, hashlib.sha256(file.file.read()).hexdigest()] for name, file in request.files.items()
    }
    return {"files": files, "form": dict(request.forms)}


@app.post("/raw")
def raw() -> bytes:
    response.content_type = "application/octet-stream"
    return request.body.read()


@app.get("/count")
def count() -> str:
    visits = int(request.get_cookie("visits", secret="only for tests") or 0) + 1
    response.set_cookie("visits", str(visits), secret="only for tests")
    return str(visits)


@app.get("/cookies")
def cookies() -> dict[str, Any]:
    response.set_cookie("first", "1")
    response.set_cookie("second", "2", httponly=True)
    return dict(request.cookies)


@app.get("/redirect")
def elsewhere() -> None:
    redirect("/json?from=redirect", 302)


@app.get("/stream")
def stream() -> Iterator[str]:
    response.content_type = "text/plain"
    for index in range(3):
        yield f"/stream {index}\n"
        stop(f"after block {index}")


@app.get("/file/<path:path>")
def file(path: str) -> HTTPResponse:
    return static_file(path, root="/", mimetype="application/octet-stream")


@app.get("/teapot")
def teapot() -> HTTPResponse:
    return HTTPResponse("I'm a teapot", status=418)


@app.get("/fault")
def fault() -> str:
    raise RuntimeError("a fault in a view")
