"""The real server, started on sockets the test bound itself, watched, and stopped with nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pytest

from tests.support.deadlines import DEADLINE_SECONDS, Missed, until
from tests.support.http import Address, Client, Response
from tests.support.log import Lines, Record, records
from tests.support.paths import ROOT, VENV_BIN
from tests.support.processes import children, in_session

LONGMA = VENV_BIN / "longma"
MANY_CLIENTS = 1000
QUIET_LEVELS = frozenset({"DEBUG", "INFO"})


def listener(kind: str = "tcp", directory: str | os.PathLike[str] | None = None) -> socket.socket:
    """A bound socket that listens: connections wait in its backlog until the server is there to accept them.

    Args:
        kind: "tcp", "tcp6" or "unix".
        directory: where the path of a unix socket goes.
    """
    if kind == "unix":
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bound.bind(os.path.join(directory or "", "socket"))
    elif kind == "tcp6":
        bound = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        try:
            bound.bind(("::1", 0))
        except OSError as error:
            bound.close()
            pytest.skip(f"this machine has no IPv6: {error}")
    else:
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.bind(("127.0.0.1", 0))
    bound.listen(2048)
    return bound


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment a server is started with: nothing of the machine's that could change what it does."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ
    }
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error", **extra}


class Server:
    """One run of `longma`, a context manager: entered it is up, left it is stopped and has been checked.

    Args:
        app: what to serve, `module:callable`.
        options: command-line options, settings of the test.
        binds: sockets from `listener`; one of TCP is made where none is given. The server gets the only copies.
        protocols: what is spoken on each of them, where that is to be said with their addresses.
        workers: how many must have booted before the server counts as up.
        env: environment variables for the application and the server.
        cwd: where it is started; applications of the tests are found from the repository's root.
        ready: the log line that each worker writes as it boots; None where the test itself waits for something else.
        command: what to run instead of the installed `longma`; options and app follow it.
    """

    STOPPED = 0  # the exit status after TERM

    def __init__(
        self,
        app: str,
        *options: str,
        binds: Sequence[socket.socket] = (),
        protocols: Sequence[str] = (),
        workers: int = 1,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] = ROOT,
        ready: str | None = "Booting worker with pid",
        command: Sequence[str] = (str(LONGMA),),
    ) -> None:
        self.app = app
        self.ready = ready
        self.options = options
        self.workers = workers
        self.env = environment(env or {})
        self.cwd = Path(cwd)
        self.command = tuple(command)
        self._listeners = list(binds) or [listener()]
        self._schemes = [f"{protocol}://" for protocol in protocols] or [""] * len(self._listeners)
        self.addresses: list[Address] = [
            bound.getsockname()[:2] if isinstance(bound.getsockname(), tuple) else bound.getsockname()
            for bound in self._listeners
        ]
        self._expected: list[re.Pattern[str]] = []
        self._clients: list[Client] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: Lines | None = None
        self._access: Lines | None = None

    # Starting

    def __enter__(self) -> Server:
        self.start()
        try:
            if self.ready is not None:
                self.errors.wait(self.ready, count=self.workers)
        except BaseException:
            self.kill()
            raise
        return self

    def start(self) -> None:
        """Start the process, without waiting for anything."""
        places = zip(self._schemes, self._listeners, strict=True)
        binds = [part for scheme, bound in places for part in ("--bind", f"{scheme}fd://{bound.fileno()}")]
        workers = ["--workers", str(self.workers)] if self.workers != 1 else []
        self.run([*self.command, *binds, *workers, *self.options, self.app])

    def run(self, command: Sequence[str]) -> None:
        """Start a command that is given the listening sockets; its session is its own, so all of it can be found."""
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[bound.fileno() for bound in self._listeners],
            env=self.env,
            cwd=self.cwd,
            start_new_session=True,
        )
        for bound in self._listeners:
            bound.close()
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._access = Lines(self._process.stdout)
        self._errors = Lines(self._process.stderr)

    # What it is and writes

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The master process."""
        assert self._process is not None, "the server was not started"
        return self._process

    @property
    def pid(self) -> int:
        """The master's process number."""
        return self.process.pid

    @property
    def address(self) -> Address:
        """Where the first listener is."""
        return self.addresses[0]

    @property
    def errors(self) -> Lines:
        """The lines of standard error, where the error log goes."""
        assert self._errors is not None, "the server was not started"
        return self._errors

    @property
    def access(self) -> Lines:
        """The lines of standard output, where `--access-logfile -` goes."""
        assert self._access is not None, "the server was not started"
        return self._access

    def worker_pids(self) -> list[int]:
        """The numbers of the workers that are there now."""
        return children(self.pid)

    def settle(self, workers: int) -> list[int]:
        """Wait until there are so many workers, those that were replaced being gone; returns their numbers."""
        until(lambda: len(self.worker_pids()) == workers, f"{workers} workers")
        return sorted(self.worker_pids())

    def refuses(self) -> bool:
        """Whether a new client finds nobody listening at the first address."""
        try:
            Client(self.address).close()
        except ConnectionRefusedError:
            return True
        return False

    def worker_pid(self) -> int:
        """The number of the only worker."""
        (pid,) = self.worker_pids()
        return pid

    # Asking

    def client(self, *, receive_buffer: int | None = None) -> Client:
        """A new connection to the first listener, which ends with the server at the latest."""
        client = Client(self.address, receive_buffer=receive_buffer)
        if len(self._clients) > MANY_CLIENTS:
            self._clients = [one for one in self._clients if not one.is_closed]
        self._clients.append(client)
        return client

    def ask(self, method: str, target: str, *fields: str, body: bytes = b"", version: str = "1.1") -> Response:
        """One request on a connection of its own."""
        with self.client() as client:
            return client.ask(method, target, *fields, body=body, version=version)

    def get(self, target: str = "/", *fields: str) -> Response:
        """GET on a connection of its own."""
        return self.ask("GET", target, *fields)

    # Stopping

    def expect(self, pattern: str) -> None:
        """A record above INFO, or a line of no record, that matches is what this test is about."""
        self._expected.append(re.compile(pattern, re.DOTALL))

    def send_signal(self, number: signal.Signals) -> None:
        """Send the master a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait until the master has ended; returns its exit status."""
        try:
            return self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            raise Missed("the server did not end; its log:\n" + "\n".join(self.errors.so_far())) from None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it with a signal, and check what it leaves behind; returns its exit status."""
        self.send_signal(number)
        status = self.wait()
        self.check_ended()
        return status

    def kill(self) -> None:
        """End every process of the server at once, when a test has failed already."""
        for one in in_session(self.pid):
            os.kill(one.pid, signal.SIGKILL)
        self.process.wait(DEADLINE_SECONDS)
        self.errors.finish()
        self.access.finish()

    def unexpected(self) -> list[Record | str]:
        """What is in the error log and the test did not expect."""
        found, strays = records(self.errors.so_far())
        loud: list[Record | str] = [
            record for record in found if record.level not in QUIET_LEVELS or "\n" in record.text
        ]
        loud += strays
        return [one for one in loud if not any(pattern.search(self._text(one)) for pattern in self._expected)]

    @staticmethod
    def _text(one: Record | str) -> str:
        return one.text if isinstance(one, Record) else one

    def check_ended(self) -> None:
        """No process is left, not even a zombie, and the log holds nothing unexpected."""
        self.errors.finish()
        self.access.finish()
        left = in_session(self.pid)
        assert left == [], f"processes were left behind: {left}"
        unexpected = self.unexpected()
        assert unexpected == [], f"the error log holds what no test expected: {unexpected}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        for client in self._clients:
            client.close()
        if error is not None:
            self.kill()
            error.args = (f"{error}\nthe error log:\n" + "\n".join(self.errors.so_far()), *error.args[1:])
        elif self.process.poll() is None:
            try:
                assert self.stop() == self.STOPPED
            except BaseException:
                self.kill()
                raise
        else:
            self.check_ended()


class Run:
    """One run of the command line that is expected to end by itself."""

    def __init__(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] = ROOT,
        pass_fds: Sequence[int] = (),
    ) -> None:
        done = subprocess.run(
            [str(LONGMA), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment(env or {}),
            cwd=cwd,
            pass_fds=tuple(pass_fds),
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        self.status = done.returncode
        self.output = done.stdout.decode()
        self.errors = done.stderr.decode()
