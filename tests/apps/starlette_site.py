"""A Starlette application with the same paths as the other frameworks' sites."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.apps.gate import stop


async def index(request: Request) -> Response:
    return PlainTextResponse("Hello from Starlette")


async def as_json(request: Request) -> Response:
    url = request.url
    return JSONResponse(
        {"host": url.netloc, "path": url.path, "args": dict(request.query_params), "scheme": url.scheme}
    )


async def form(request: Request) -> Response:
    async with request.form() as fields:
        return JSONResponse({name: fields.getlist(name) for name in fields})


async def upload(request: Request) -> Response:
    files, fields = {}, {}
    async with request.form() as parts:
        for name, value in parts.items():
            if isinstance(value, UploadFile):
                files[name] = [value.filename, hashlib.sha256(await value.read()).hexdigest()]
            else:
                fields[name] = value
    return JSONResponse({"files": files, "form": fields})


async def raw(request: Request) -> Response:
    return Response(await request.body(), media_type="application/octet-stream")


async def count(request: Request) -> Response:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JSONResponse(request.session["visits"])


async def cookies(request: Request) -> Response:
    response = JSONResponse(request.cookies)
    response.set_cookie("first", "1")
    response.set_cookie("second", "2", httponly=True)
    return response


async def elsewhere(request: Request) -> Response:
    return Response(status_code=302, headers={"Location": "/json?from=redirect"})


async def stream(request: Request) -> Response:
    async def blocks() -> AsyncIterator[str]:
        for number in range(3):
            yield f"{request.url.path} {number}\n"
            await asyncio.to_thread(stop, f"after block {number}")

    return StreamingResponse(blocks(), media_type="text/plain")


async def file(request: Request) -> Response:
    return FileResponse(f"/{request.path_params['path'].lstrip('/')}", media_type="application/octet-stream")


async def teapot(request: Request) -> Response:
    return PlainTextResponse("I'm a teapot", status_code=418)


async def fault(request: Request) -> Response:
    raise RuntimeError("a fault in a view")


app = Starlette(
    routes=[
        Route("/", index),
        Route("/json", as_json),
        Route("/form", form, methods=["POST"]),
        Route("/upload", upload, methods=["POST"]),
        Route("/raw", raw, methods=["POST"]),
        Route("/count", count),
        Route("/cookies", cookies),
        Route("/redirect", elsewhere),
        Route("/stream", stream),
        Route("/file/{path:path}", file),
        Route("/teapot", teapot),
        Route("/fault", fault),
    ],
    middleware=[Middleware(SessionMiddleware, secret_key="only for tests")],
)
