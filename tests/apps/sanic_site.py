"""A Sanic application, for a server of ASGI ones, with the same paths as the other frameworks' sites."""

from __future__ import annotations

import asyncio
import hashlib

from sanic import Request, Sanic
from sanic.response import HTTPResponse, empty, file_stream, json, raw, redirect, text

from tests.apps.gate import stop

HUNDRED_MB = 100_000_000

app = Sanic("site")
app.config.REQUEST_MAX_SIZE = HUNDRED_MB


@app.route("/", methods=["GET", "HEAD"])
async def index(request: Request) -> HTTPResponse:
    return text("Hello from Sanic") if request.method == "GET" else empty(200)


@app.get("/json")
async def as_json(request: Request) -> HTTPResponse:
    args = {name: request.args.get(name) for name in request.args}
    return json({"host": request.host, "path": request.path, "args": args, "scheme": request.scheme})


@app.post("/form")
async def form(request: Request) -> HTTPResponse:
    return json(dict(request.form or {}))


@app.post("/upload")
async def upload(request: Request) -> HTTPResponse:
    files = {
        name: [one.name, hashlib.sha256(one.body).hexdigest()] for name, (one, *_) in (request.files or {}).items()
    }
    return json({"files": files, "form": {name: value for name, (value, *_) in (request.form or {}).items()}})


@app.post("/raw")
async def back(request: Request) -> HTTPResponse:
    return raw(request.body)


@app.get("/count")
async def count(request: Request) -> HTTPResponse:
    visits = int(request.cookies.get("visits", 0)) + 1
    response = json(visits)
    response.add_cookie("visits", str(visits), secure=False)
    return response


@app.get("/cookies")
async def cookies(request: Request) -> HTTPResponse:
    response = json({name: request.cookies.get(name) for name in request.cookies})
    response.add_cookie("first", "1", secure=False)
    response.add_cookie("second", "2", secure=False, httponly=True)
    return response


@app.get("/redirect")
async def elsewhere(request: Request) -> HTTPResponse:
    return redirect("/json?from=redirect")


@app.get("/stream")
async def stream(request: Request) -> None:
    response = await request.respond(content_type="text/plain")
    for number in range(3):
        await response.send(f"{request.path} {number}\n")
        await asyncio.to_thread(stop, f"after block {number}")
    await response.eof()


@app.get("/file/<path:path>")
async def file(request: Request, path: str) -> HTTPResponse:
    return await file_stream(f"/{path.lstrip('/')}", mime_type="application/octet-stream")


@app.get("/teapot")
async def teapot(request: Request) -> HTTPResponse:
    return text("I'm a teapot", status=418)


@app.get("/fault")
async def fault(request: Request) -> HTTPResponse:
    raise RuntimeError("a fault in a view")
