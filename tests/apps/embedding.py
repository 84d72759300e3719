"""Programs that have longma in them; the first argument says which one, BIND where it listens."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

import longma
from longma.app.gunicorn import Application, BaseApplication, WSGIApplication
from longma.errors import LongmaError
from tests.apps.common import TEXT, Environ, Start

LOUD = {"loglevel": "debug"}
LOADED_BY: list[int] = []


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    facts = {"/pid": os.getpid(), "/loaded": LOADED_BY, "/name": environ["wsgi.multiprocess"]}
    return [str(facts.get(environ["PATH_INFO"], "embedded")).encode()]


class Standalone(BaseApplication):
    """The class that Gunicorn's documentation has."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        LOADED_BY.append(os.getpid())
        return application


class Broken(Standalone):
    def load(self) -> Any:
        raise RuntimeError("no settings")


class Reading(Standalone):
    """Reads its settings from a file, each time it is asked for them."""

    def load_config(self) -> None:
        super().load_config()
        with open(os.environ["SETTINGS"]) as file:
            for name, value in json.load(file).items():
                self.cfg.set(name, value)

    def load(self) -> Any:
        name = self.cfg.proc_name
        return lambda environ, start_response: (start_response("200 OK", [TEXT]), [name.encode()])[1]


class Framework(Application):
    """Has longma's command line, and defaults of its own."""

    def init(self, parser: Any, opts: Any, args: list[Any]) -> dict[str, object]:
        self.named = list(args)
        return {"bind": os.environ["BIND"], "workers": 2, "timeout": 45, "proc_name": opts.proc_name or "framework"}

    def load(self) -> Any:
        facts = f"{self.cfg.workers} {self.cfg.timeout} {self.cfg.proc_name} {self.named}"
        return lambda environ, start_response: (start_response("200 OK", [TEXT]), [facts.encode()])[1]


class Named(WSGIApplication):
    """Sets everything itself, the application's name included."""

    def __init__(self, app_uri: str, options: dict[str, Any]) -> None:
        self.options = options
        self.app_uri = app_uri
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)


def whole() -> None:
    """Serve an object, with every signal as before behind it."""
    signal.signal(signal.SIGUSR1, noticed)
    longma.serve(application, bind=os.environ["BIND"], reload=True, **LOUD)
    assert signal.getsignal(signal.SIGUSR1) is noticed
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    print("the program goes on")


def noticed(number: int, frame: object) -> None:
    """Be a handler of the program's."""


def by_name() -> None:
    longma.serve("tests.apps.answers:application", bind=os.environ["BIND"], **LOUD)


def mistaken() -> None:
    try:
        longma.serve(application, wrokers=2, timeout="soon", dirty_apps=["a:b"])
    except LongmaError as error:
        print(error)


def asynchronous() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        """Be an ASGI application."""

    try:
        longma.serve(app, bind=os.environ["BIND"])  # type: ignore[arg-type,unused-ignore]
    except LongmaError as error:
        print(error)


def nothing() -> None:
    for app, settings in ((None, {}), (5, {}), (application, {"check_config": True})):
        try:
            longma.serve(app, bind=os.environ["BIND"], **settings)  # type: ignore[arg-type,unused-ignore]
        except LongmaError as error:
            print(error)


def on_a_thread() -> None:
    def serve() -> None:
        try:
            longma.serve(application, bind=os.environ["BIND"])
        except LongmaError as error:
            print(error)

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()


PROGRAMS: dict[str, Callable[[], object]] = {
    "whole": whole,
    "by_name": by_name,
    "mistaken": mistaken,
    "asynchronous": asynchronous,
    "nothing": nothing,
    "checked": lambda: Standalone({"bind": "192.0.2.1:80", "check_config": True, "print_config": True}).run(),
    "checked_in_vain": lambda: Broken({"check_config": True}).run(),
    "on_a_thread": on_a_thread,
    "standalone": lambda: Standalone({"bind": os.environ["BIND"], "workers": 2, **LOUD}).run(),
    "preloaded": lambda: Standalone({"bind": os.environ["BIND"], "preload_app": True, **LOUD}).run(),
    "unknown": lambda: Standalone({"wrokers": 2}).run(),
    "wrong": lambda: Standalone({"timeout": "soon"}).run(),
    "broken": lambda: Broken({"bind": "127.0.0.1:0"}).run(),
    "reading": lambda: Reading({"bind": os.environ["BIND"], **LOUD}).run(),
    "framework": lambda: Framework("%(prog)s [OPTIONS]").run(),
    "named": lambda: Named("tests.apps.answers", {"bind": os.environ["BIND"], **LOUD}).run(),
    "command": lambda: WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]").run(),
}

if __name__ == "__main__":
    PROGRAMS[sys.argv.pop(1)]()
