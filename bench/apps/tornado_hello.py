"""Hello by Tornado, and a stream of events."""

from __future__ import annotations

import asyncio

from tornado.web import Application, RequestHandler

GREETING = b"Hello, World!\n"


class Hello(RequestHandler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/plain")
        self.finish(GREETING)


class Events(RequestHandler):
    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        while True:
            self.write(b"data: tick\n\n")
            await self.flush()
            await asyncio.sleep(1)


app = Application([("/", Hello), ("/events", Events)])
