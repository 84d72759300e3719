"""A FastAPI application."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response

from tests.apps.gate import report, stop

HOUR = 3600


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    report("cleaned up")


app = FastAPI(lifespan=lifespan)


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


@asynccontextmanager
async def broken_lifespan(app: FastAPI) -> AsyncIterator[None]:
    raise RuntimeError("no database")
    yield


broken = FastAPI(lifespan=broken_lifespan)
