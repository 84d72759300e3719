"""A Tornado application with the same paths as the other frameworks' sites, and a WSGI one."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Iterable

from tornado.web import Application, RequestHandler, StaticFileHandler
from tornado.websocket import WebSocketHandler

from tests.apps.common import TEXT, Environ, Start
from tests.apps.gate import stop

HOUR = 3600


class Index(RequestHandler):
    def get(self) -> None:
        self.finish("Hello from Tornado")

    head = get


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


class AsJson(RequestHandler):
    def get(self) -> None:
        # Tornado leaves names as latin-1.
        names = self.request.query_arguments
        args = {name.encode("latin-1").decode(): self.get_query_argument(name) for name in names}
        request = self.request
        self.finish({"host": request.host, "path": request.path, "args": args, "scheme": request.protocol})


class Form(RequestHandler):
    def post(self) -> None:
        self.finish({name: self.get_body_arguments(name) for name in self.request.body_arguments})


class Upload(RequestHandler):
    def post(self) -> None:
        files = {
            name: [one.filename, hashlib.sha256(one.body).hexdigest()] for name, (one, *_) in self.request.files.items()
        }
        self.finish({"files": files, "form": {name: self.get_argument(name) for name in self.request.body_arguments}})


class Raw(RequestHandler):
    def post(self) -> None:
        self.set_header("Content-Type", "application/octet-stream")
        self.finish(self.request.body)


class Count(RequestHandler):
    def get(self) -> None:
        visits = int(self.get_signed_cookie("visits") or 0) + 1
        self.set_signed_cookie("visits", str(visits))
        self.finish(str(visits))


class Cookies(RequestHandler):
    def get(self) -> None:
        self.set_cookie("first", "1")
        self.set_cookie("second", "2", httponly=True)
        self.finish({name: morsel.value for name, morsel in self.request.cookies.items()})


class Elsewhere(RequestHandler):
    def get(self) -> None:
        self.redirect("/json?from=redirect")


class Stream(RequestHandler):
    async def get(self) -> None:
        self.set_header("Content-Type", "text/plain")
        for number in range(3):
            self.write(f"{self.request.path} {number}\n")
            await self.flush()
            await asyncio.to_thread(stop, f"after block {number}")


class Teapot(RequestHandler):
    def get(self) -> None:
        self.set_status(418)
        self.finish("I'm a teapot")


class Fault(RequestHandler):
    def get(self) -> None:
        raise RuntimeError("a fault in a view")


app = Application(
    [
        ("/", Index),
        ("/pid", Pid),
        ("/labour", Labour),
        ("/held", Held),
        ("/stuck", Stuck),
        ("/broken", Broken),
        ("/echo", Echo),
        ("/json", AsJson),
        ("/form", Form),
        ("/upload", Upload),
        ("/raw", Raw),
        ("/count", Count),
        ("/cookies", Cookies),
        ("/redirect", Elsewhere),
        ("/stream", Stream),
        ("/file/(.*)", StaticFileHandler, {"path": "/"}),
        ("/teapot", Teapot),
        ("/fault", Fault),
    ],
    cookie_secret="only for tests",
)


def labour(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Give the body back."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", [TEXT, ("X-Pid", str(os.getpid())), ("Content-Length", str(len(body)))])
    return [body]
