"""A Tornado application, and a WSGI one."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable

from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

from tests.apps.common import TEXT, Environ, Start
from tests.apps.gate import stop

HOUR = 3600


class Pid(RequestHandler):
    def get(self) -> None:
        self.finish(str(os.getpid()))


class Labour(RequestHandler):
    def post(self) -> None:
        self.set_header("X-Pid", str(os.getpid()))
        self.finish(self.request.body)


class Held(RequestHandler):
    async def get(self) -> None:
        self.finish(await asyncio.to_thread(stop, "held"))


class Stuck(RequestHandler):
    def get(self) -> None:
        threading.Event().wait(HOUR)


class Broken(RequestHandler):
    def get(self) -> None:
        raise RuntimeError("broken handler")


class Echo(WebSocketHandler):
    async def on_message(self, message: str | bytes) -> None:
        await self.write_message(message)


app = Application(
    [("/pid", Pid), ("/labour", Labour), ("/held", Held), ("/stuck", Stuck), ("/broken", Broken), ("/echo", Echo)]
)


def labour(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Give the body back."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", [TEXT, ("X-Pid", str(os.getpid())), ("Content-Length", str(len(body)))])
    return [body]
