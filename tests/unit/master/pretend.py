"""A real master with real workers, whose models only pretend to serve."""

from __future__ import annotations

import os
import re
import signal
import struct
import time
from typing import TYPE_CHECKING

from longma.config.resolve import Invocation, Resolved
from longma.config.settings import Settings
from longma.logs.error_log import ErrorLog
from longma.logs.levels import Level
from longma.master import arbiter
from longma.process.board import PAGE_BYTES
from tests.support.log import Lines
from tests.support.processes import descriptors
from tests.unit.process.children import exit_code

if TYPE_CHECKING:
    from longma.typing import WSGIApplication
    from longma.workers.model import Assignment, Model, ModelFactory

CALL_STARTED_OFFSET = 24
BOOTING = r"Booting worker with pid: (\d+)"


class Waiting:
    """Serves nothing, and stops when it is told to."""

    def __init__(self, application: WSGIApplication, assignment: Assignment) -> None:
        self.application = application
        self._stopped, self._stop = os.pipe()

    requests = 0

    def current(self) -> None:
        return None

    def reopen(self) -> None:
        pass

    def run(self) -> None:
        os.read(self._stopped, 1)

    def stop(self, graceful: bool) -> None:
        os.write(self._stop, b".")


class Stubborn(Waiting):
    """Does not stop."""

    def stop(self, graceful: bool) -> None:
        pass


class Stuck(Waiting):
    """Says that the application is being called, and then says nothing any more."""

    def __init__(self, application: WSGIApplication, assignment: Assignment) -> None:
        super().__init__(application, assignment)
        offset = assignment.slot * PAGE_BYTES + CALL_STARTED_OFFSET
        struct.pack_into("=Q", assignment.common.board.memory, offset, time.monotonic_ns())


class StuckInC(Stuck):
    """As an application in a long call of C code: no handler of a signal gets its turn."""

    def run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGABRT})
        super().run()


class PretendedServer:
    """A master in a child of the test, with its log in a pipe; entered it is being started, left it is gone."""

    def __init__(self, model: ModelFactory | type[Model], app: str = "tests.apps.answers", **settings: object) -> None:
        self._model = model
        self._settings = Settings({"timeout": 0.0, "wsgi_app": app, **settings})
        self._ended = False

    def __enter__(self) -> PretendedServer:
        read_end, write_end = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(read_end)
            self._be_the_server(write_end)
        os.close(write_end)
        self.log = Lines(os.fdopen(read_end, "rb"))
        return self

    def _be_the_server(self, log_descriptor: int) -> None:
        status = 99
        try:
            for number, what in descriptors(os.getpid()).items():
                if what.startswith("socket:"):  # what an earlier test has left open is not the server's
                    os.close(number)
            if os.fork() == 0:
                os._exit(3)  # a child that is no worker, as process 1 of a container has them
            resolved = Resolved(self._settings, {}, (), Invocation(("--bind", "127.0.0.1:0"), {}, os.getcwd()))
            # This process is the test's own, and so may be told what to use in the place of sockets and an engine.
            arbiter.model_for = lambda *_: self._model  # type: ignore[assignment, attr-defined]
            arbiter.open_error_log = lambda settings: ErrorLog(log_descriptor, Level.DEBUG)  # type: ignore[attr-defined]
            arbiter.open_listeners = lambda settings, **details: ()  # type: ignore[attr-defined]
            status = arbiter.run(resolved)
        finally:
            os._exit(status)

    def workers(self, count: int) -> list[int]:
        """Wait until so many workers have begun to boot; returns the pids of all that have."""
        return [int(re.findall(BOOTING, line)[0]) for line in self.log.wait(BOOTING, count=count)]

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def end(self) -> tuple[int, str]:
        """Wait for the master to end; returns its exit status and the whole log."""
        self._ended = True
        return exit_code(self.pid), "\n".join(self.log.finish())

    def __exit__(self, *_: object) -> None:
        if not self._ended:
            self.send(signal.SIGINT)
            self.end()
