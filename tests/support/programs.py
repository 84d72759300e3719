"""Programs that serve and are no `longma`: started, asked, told to end, and looked at when they have."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.support.deadlines import DEADLINE_SECONDS
from tests.support.http import Client, Response
from tests.support.log import Lines
from tests.support.paths import ROOT
from tests.support.processes import in_session
from tests.support.server import environment

SERVING = r"Serving on http://([\d.]+):(\d+)"


class Program:
    """One run of a script that says where it serves, a context manager; left it has ended in order, and said nothing.

    Args:
        script: where it is, from the repository's root.
        env: environment variables for it.
    """

    def __init__(self, script: str | Path, env: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / script)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment({"PORT": "0", **(env or {})}),
            cwd=ROOT,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.output = Lines(self.process.stdout)
        self.errors = Lines(self.process.stderr)
        self.expected = ""

    def __enter__(self) -> Program:
        try:
            found = re.search(SERVING, self.output.wait(SERVING)[0])
        except BaseException as error:
            self.kill()
            error.args = (f"{error}\n" + "\n".join(self.errors.so_far()),)
            raise
        assert found is not None
        self.address = (found[1], int(found[2]))
        return self

    def get(self, target: str = "/") -> Response:
        """GET on a connection of its own."""
        with Client(self.address) as client:
            return client.ask("GET", target)

    def end(self) -> None:
        """End it by TERM, and see that nothing of it is left and nothing unexpected was said."""
        self.process.send_signal(signal.SIGTERM)
        self.wait()

    def wait(self) -> None:
        """See that it ends by itself, as `end` does."""
        assert self.process.wait(DEADLINE_SECONDS) == 0, "\n".join(self.errors.so_far())
        self.errors.finish()
        self.output.finish()
        assert in_session(self.process.pid) == []
        said = [line for line in self.errors.so_far() if not (self.expected and re.search(self.expected, line))]
        assert said == []

    def kill(self) -> None:
        for one in in_session(self.process.pid):
            os.kill(one.pid, signal.SIGKILL)
        self.process.wait(DEADLINE_SECONDS)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self.kill()
            error.args = (f"{error}\nits standard error:\n" + "\n".join(self.errors.so_far()), *error.args[1:])
        elif self.process.poll() is None:
            self.end()
