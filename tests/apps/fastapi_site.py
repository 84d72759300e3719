"""A FastAPI application with the same paths as the other frameworks' sites."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Cookie, FastAPI, File, Form, HTTPException, Request, UploadFile
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.middleware.sessions import SessionMiddleware

from tests.apps.gate import report, stop

HOUR = 3600


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    report("cleaned up")


app = FastAPI(lifespan=lifespan)
app.add_middleware(SessionMiddleware, secret_key="only for tests")


@app.get("/")
@app.head("/")
def index() -> PlainTextResponse:
    return PlainTextResponse("Hello from FastAPI")


@app.get("/pid")
async def pid() -> PlainTextResponse:
    return PlainTextResponse(str(os.getpid()))


@app.post("/labour")
async def labour(request: Request) -> Response:
    return Response(await request.body(), headers={"X-Pid": str(os.getpid())})


@app.get("/held")
async def held() -> PlainTextResponse:
    return PlainTextResponse(await asyncio.to_thread(stop, "held"))


@app.get("/stuck")
async def stuck() -> None:
    threading.Event().wait(HOUR)


@app.get("/square/{number}")
async def square(number: int) -> dict[str, int]:
    return {"square": number * number}


@app.get("/json")
async def as_json(request: Request) -> dict[str, Any]:
    url = request.url
    return {"host": url.netloc, "path": url.path, "args": dict(request.query_params), "scheme": url.scheme}


@app.post("/form")
async def form(
    name: Annotated[list[str], Form()], many: Annotated[list[str], Form()], long: Annotated[list[str], Form()]
) -> dict[str, list[str]]:
    return {"name": name, "many": many, "long": long}


@app.post("/upload")
def upload(title: Annotated[str, Form()], document: Annotated[UploadFile, File()]) -> dict[str, Any]:
    digest = hashlib.sha256(document.file.read()).hexdigest()
    return {"files": {"document": [document.filename, digest]}, "form": {"title": title}}


@app.post("/raw")
async def raw(request: Request) -> Response:
    return Response(await request.body(), media_type="application/octet-stream")


@app.get("/count")
async def count(request: Request) -> int:
    visits: int = request.session.get("visits", 0) + 1
    request.session["visits"] = visits
    return visits


@app.get("/cookies")
async def cookies(
    response: Response, seen: Annotated[str, Cookie()], other: Annotated[str, Cookie()]
) -> dict[str, str]:
    response.set_cookie("first", "1")
    response.set_cookie("second", "2", httponly=True)
    return {"seen": seen, "other": other}


@app.get("/redirect")
async def elsewhere() -> RedirectResponse:
    return RedirectResponse("/json?from=redirect", status_code=302)


@app.get("/stream")
def stream(request: Request) -> StreamingResponse:
    def blocks() -> Iterator[str]:
        for number in range(3):
            yield f"{request.url.path} {number}\n"
            stop(f"after block {number}")

    return StreamingResponse(blocks(), media_type="text/plain")


@app.get("/file/{path:path}")
@app.head("/file/{path:path}")
async def file(path: str) -> FileResponse:
    return FileResponse(f"/{path.lstrip('/')}", media_type="application/octet-stream")


@app.get("/teapot")
async def teapot() -> None:
    raise HTTPException(418)


@app.get("/fault")
async def fault() -> None:
    raise RuntimeError("a fault in a view")


@asynccontextmanager
async def broken_lifespan(app: FastAPI) -> AsyncIterator[None]:
    raise RuntimeError("no database")
    yield


broken = FastAPI(lifespan=broken_lifespan)
