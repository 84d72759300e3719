"""An engine without a master, which tells on standard output, a JSON line each, what an observer is shown.

Started with `python -m`, as longma is with its options: USR1 has it tell what the application is at, USR2 opens the
access log anew, TERM stops it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import mmap
import os
import signal
import socket
import sys
import time
from collections.abc import Iterable
from typing import Any

from longma._core import BOARD_PAGE_BYTES, Engine
from longma.config.settings import Settings
from longma.workers.hubs.serving import Serving
from tests.apps import border, waiting
from tests.apps.common import Environ, Start
from tests.apps.gate import stop

LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}


def tell(event: str, **what: Any) -> None:
    """Write one event."""
    print(json.dumps({"event": event, **what}), flush=True)


def log(level: int, message: str, *_about: object) -> None:
    """Write a record as the error log would."""
    now = time.strftime("%Y-%m-%d %H:%M:%S +0000", time.gmtime())
    print(f"[{now}] [{os.getpid()}] [{LEVELS[level]}] {message}", file=sys.stderr, flush=True)


class Telling:
    """An observer that tells what it is shown; what a target holds makes it raise, or stop at the gate."""

    def begin(self, environ: dict[str, Any], method: str, target: str, *rest: Any) -> dict[str, Any]:
        version, fields, peer, _number, trailers = rest
        if "slow-begin" in target:
            stop("in begin")
        seen = {
            "method": method,
            "target": target,
            "version": version,
            "fields": fields,
            "peer": peer,
            "trailers": trailers,
        }
        tell("begin", **seen, environ=id(environ), path=environ["PATH_INFO"])
        if "bad-begin" in target:
            raise ValueError("raised by begin")
        return seen

    def end(self, request: dict[str, Any] | None, environ: dict[str, Any], *answer: Any) -> None:
        status, fields, sent, seconds = answer
        if "slow-end" in environ["RAW_URI"]:
            stop("in end")
        given = {"status": status, "fields": fields, "sent": sent, "seconds": seconds}
        tell("end", target=request and request["target"], environ=id(environ), **given)
        if "bad-end" in environ["RAW_URI"]:
            raise ValueError("raised by end")

    def refused(self, peer: Any, line: str, status: int, seconds: float) -> None:
        tell("refused", peer=peer, line=line, status=status, seconds=seconds)


class Counting:
    """An observer that only counts."""

    def __init__(self) -> None:
        self.begun = self.ended = 0

    def begin(self, environ: dict[str, Any], *rest: Any) -> int:
        self.begun += 1
        return self.begun

    def end(self, request: int, *rest: Any) -> None:
        self.ended += request == self.begun

    def refused(self, *rest: Any) -> None:
        """Not counted."""


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """The applications of the border, and two that stop at the gate."""
    view = {"/wait": waiting.wait, "/pid": waiting.pid}.get(environ["PATH_INFO"], border.application)
    return view(environ, start_response)


def library(name: str | None) -> Any:
    """What has greenlets, patched as in a worker; None where there are to be none."""
    if name is None:
        return None
    hub = importlib.import_module(f"longma.workers.hubs.{name}")
    hub.patch()
    return hub


def serve(engine: Engine, hub: Any) -> None:
    """Serve until stopped: by the greenlets of this library, where there is one."""
    if hub is None:
        engine.run()
        return
    serving = Serving(engine, getattr(hub, f"{hub.__name__.rpartition('.')[2].title()}Hub")())
    signal.set_wakeup_fd(engine.wakeup_fd)
    serving.start()
    while not serving.wait(1.0):
        pass
    signal.set_wakeup_fd(-1)
    serving.finish()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker-class")
    parser.add_argument("--bind")
    parser.add_argument("--log")
    parser.add_argument("--recycle-after", type=int, default=0)
    parser.add_argument("--observer", choices=("telling", "counting", "none"), default="telling")
    parser.add_argument("app")
    given = parser.parse_args()
    hub = library(given.worker_class)
    listener = socket.socket(fileno=int(given.bind.removeprefix("fd://")))
    listener.setblocking(False)
    settings = Settings({"accesslog": given.log, "access_log_format": '"%(r)s" %(s)s'}).as_mapping()
    observer = {"telling": Telling, "counting": Counting, "none": lambda: None}[given.observer]()
    engine = Engine(
        application,
        listeners=[(os.dup(listener.fileno()), "http://127.0.0.1:80")],
        settings=settings,
        board=mmap.mmap(-1, BOARD_PAGE_BYTES),
        slot=0,
        slots=1,
        handover=None,
        errors=sys.stderr,
        log=log,
        multiprocess=False,
        recycle_after=given.recycle_after,
        on_recycle=lambda: tell("recycle", requests=engine.requests, current=engine.current()),
        observer=observer,
        greenlets=hub is not None,
    )
    listener.close()
    signal.signal(signal.SIGTERM, lambda *_: engine.stop(graceful=True))
    signal.signal(signal.SIGUSR1, lambda *_: tell("current", current=engine.current(), requests=engine.requests))
    signal.signal(signal.SIGUSR2, lambda *_: engine.reopen())
    log(20, f"Booting worker with pid: {os.getpid()}")
    serve(engine, hub)
    counts = {"begun": observer.begun, "ended": observer.ended} if isinstance(observer, Counting) else {}
    tell("stopped", requests=engine.requests, **counts)


if __name__ == "__main__":
    main()
