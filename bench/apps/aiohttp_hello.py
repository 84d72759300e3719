"""Hello by aiohttp, and a stream of events."""

from __future__ import annotations

import asyncio

from aiohttp import web

GREETING = b"Hello, World!\n"


async def hello(request: web.Request) -> web.Response:
    return web.Response(body=GREETING, content_type="text/plain")


async def events(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    while True:
        await response.write(b"data: tick\n\n")
        await asyncio.sleep(1)


app = web.Application()
app.add_routes([web.get("/", hello), web.get("/events", events)])
