"""Hello by a bare ASGI application, and a stream of events."""

from __future__ import annotations

import asyncio
from typing import Any

GREETING = b"Hello, World!\n"
PLAIN = [(b"content-type", b"text/plain"), (b"content-length", b"14")]
EVENTS = [(b"content-type", b"text/event-stream")]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/events":
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
        while True:
            await send({"type": "http.response.body", "body": b"data: tick\n\n", "more_body": True})
            await asyncio.sleep(1)
    await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
    await send({"type": "http.response.body", "body": GREETING})
