"""A server that opens its listeners itself, as an operator would have it do, instead of being given them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import TracebackType

from tests.support.deadlines import DEADLINE_SECONDS
from tests.support.http import Client
from tests.support.log import Lines
from tests.support.paths import ROOT
from tests.support.server import LONGMA, environment


class Bound:
    """One run of `longma`, a context manager that stops it at the end.

    Args:
        options: All of the command line but the application.
        app: What to serve.
        cwd: Where it is started.
        env: Variables besides those every server of the tests is started with.
        command: What to run instead of the installed `longma`; options and app follow it.
        pass_fds: Descriptors that it inherits.
    """

    def __init__(
        self,
        *options: str,
        app: str = "tests.apps.answers",
        cwd: str | os.PathLike[str] = ROOT,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = (str(LONGMA),),
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.process = subprocess.Popen(
            [*command, *options, app],
            cwd=cwd,
            env=environment(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=tuple(pass_fds),
        )
        assert self.process.stderr is not None
        self.errors = Lines(self.process.stderr)

    def port(self) -> int:
        """The port of the first listener, once there is one."""
        (line,) = self.errors.wait(r"Listening at: http://")
        found = re.search(r"Listening at: http://.*?:(\d+)[ ,]", line)
        assert found is not None, line
        return int(found[1])

    def client(self, host: str = "127.0.0.1") -> Client:
        """A connection to the first listener."""
        return Client((host, self.port()))

    def stop(self) -> int:
        """Stop it with TERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(DEADLINE_SECONDS)
        self.errors.finish()
        return status

    def __enter__(self) -> Bound:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        status = self.stop() if self.process.poll() is None else self.process.returncode
        assert status == 0 or error is not None, f"it ended with {status}:\n" + "\n".join(self.errors.so_far())
