"""An aiohttp application, as an object and as what makes one."""

from __future__ import annotations

import asyncio
import os
import threading

from aiohttp import web

from tests.apps.gate import report, stop

HOUR = 3600


async def pid(request: web.Request) -> web.Response:
    return web.Response(text=str(os.getpid()))


async def labour(request: web.Request) -> web.Response:
    return web.Response(body=await request.read(), headers={"X-Pid": str(os.getpid())})


async def held(request: web.Request) -> web.Response:
    return web.Response(text=await asyncio.to_thread(stop, "held"))


async def stuck(request: web.Request) -> web.Response:
    threading.Event().wait(HOUR)
    return web.Response()


async def cleaned_up(app: web.Application) -> None:
    report("cleaned up")


def made() -> web.Application:
    app = web.Application()
    app.add_routes(
        [web.get("/pid", pid), web.post("/labour", labour), web.get("/held", held), web.get("/stuck", stuck)]
    )
    app.on_cleanup.append(cleaned_up)
    return app


app = made()


async def create_app() -> web.Application:
    """What `aiohttp` calls in the worker's own loop."""
    return made()


async def fail() -> web.Application:
    raise RuntimeError("no settings")
