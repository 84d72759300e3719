"""What a server of the table is, and those that serve one application over plain HTTP.

Each runs as its own documentation starts it. Where a default would make the comparison unfair to the peer (waitress
refuses more than 100 connections) the peer gets the setting that helps it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from .workloads import Measure, Workload


class Kind(Enum):
    SUBJECT = auto()  # longma as it is installed
    VARIANT = auto()  # longma with a setting changed
    PEER = auto()
    RIVAL = auto()  # another server, compared with one variant only (see pairs.py)
    FLOOR = auto()  # no server: the kernel's share


@dataclass(frozen=True)
class Paths:
    """Where the programs are that the benchmark runs."""

    bench: Path
    store: Path  # .bench: venv, built programs, logs
    longma: Path

    @property
    def venv_bin(self) -> Path:
        return self.store / "venv" / "bin"

    @property
    def python(self) -> Path:
        return self.venv_bin / "python"

    @property
    def apps(self) -> Path:
        return self.bench / "apps"

    @property
    def raw(self) -> Path:
        return self.store / "raw"

    @property
    def access_log(self) -> Path:
        return self.store / "access.log"

    @property
    def poisson(self) -> Path:
        return self.store / "poisson"

    @property
    def certificate(self) -> Path:
        return self.store / "tls" / "cert.pem"

    @property
    def key(self) -> Path:
        return self.store / "tls" / "key.pem"

    @property
    def static(self) -> Path:
        return self.store / "static"


@dataclass(frozen=True)
class Launch:
    """What a server is to serve, and where."""

    paths: Paths
    workload: Workload
    port: int
    workers: int

    @property
    def application(self) -> str:
        return self.workload.application

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Server:
    """One contestant."""

    name: str
    kind: Kind
    command: Callable[[Launch], list[str]]
    package: str | None = None
    # The far peers are measured in the first round only: they cannot be the best, and each costs its time.
    near: bool = True
    prefork: bool = True
    # False: one client is served and the others wait, so its latencies are those of a load nobody else had.
    serves_every_client: bool = True
    only: tuple[str, ...] = ()
    also: tuple[str, ...] = ()  # of the private workloads
    # Further packages that it needs, of the peers' environment.
    needs: tuple[str, ...] = ()
    # Debian's program and package that it needs.
    program: tuple[str, str] | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it is longma, by itself or behind another program."""
        return self.kind in (Kind.SUBJECT, Kind.VARIANT)

    def takes(self, workload: Workload) -> bool:
        """Whether the workload says anything about this server."""
        if self.kind is Kind.FLOOR:
            return workload.floor
        if self.only or workload.private:
            return workload.name in (*self.only, *self.also)
        return self.prefork or workload.workers == 1

    def runs_in_round(self, workload: Workload, number: int) -> bool:
        """Whether it is measured in round `number` (from 0)."""
        if workload.measure is Measure.FAST_P99 and self.kind is Kind.PEER:
            return number == 0 or self.name in ("granian", "gunicorn-gthread")
        return self.near or number == 0


def longma(*flags: str) -> Callable[[Launch], list[str]]:
    def command(launch: Launch) -> list[str]:
        base = [str(launch.paths.longma), "-w", str(launch.workers), "-b", launch.address]
        return [*base, *flags, launch.application]

    return command


def _longma_logging(launch: Launch) -> list[str]:
    return longma("--access-logfile", str(launch.paths.access_log))(launch)


def gunicorn(*flags: str) -> Callable[[Launch], list[str]]:
    def command(launch: Launch) -> list[str]:
        base = [str(launch.paths.python), "-m", "gunicorn", "-w", str(launch.workers), "-b", launch.address]
        return [*base, *flags, launch.application]

    return command


def granian(*flags: str) -> Callable[[Launch], list[str]]:
    def command(launch: Launch) -> list[str]:
        program = [str(launch.paths.python), "-m", "granian", "--interface", "wsgi", "--no-ws", "--log-level", "error"]
        return [*program, "--port", str(launch.port), "--workers", str(launch.workers), *flags, launch.application]

    return command


def _bjoern(launch: Launch) -> list[str]:
    program = [str(launch.paths.python), str(launch.paths.apps / "serve_bjoern.py")]
    return [*program, launch.application, str(launch.port), str(launch.workers)]


def _fastpysgi(launch: Launch) -> list[str]:
    program = [str(launch.paths.python), str(launch.paths.apps / "serve_fastpysgi.py")]
    return [*program, launch.application, str(launch.port), str(launch.workers)]


def _peregrine(launch: Launch) -> list[str]:
    program = [str(launch.paths.python), str(launch.paths.venv_bin / "peregrine"), "--protocol", "wsgi"]
    return [*program, "--port", str(launch.port), "--workers", str(launch.workers), launch.application]


def _peregrine_threads(launch: Launch) -> list[str]:
    return [*_peregrine(launch), "--wsgi-threads", "4"]


def _uwsgi(launch: Launch) -> list[str]:
    program = [str(launch.paths.venv_bin / "uwsgi"), "--http11-socket", launch.address, "--need-app"]
    program += ["--virtualenv", str(launch.paths.store / "venv"), "--pythonpath", str(launch.paths.apps)]
    program += ["--disable-logging", "--listen", "2048", "--buffer-size", "16384"]
    if launch.workers > 1:
        program += ["--master", "--processes", str(launch.workers)]
    return [*program, "--module", launch.application]


def _waitress(launch: Launch) -> list[str]:
    program = [str(launch.paths.python), "-m", "waitress", f"--listen={launch.address}", "--threads=4"]
    return [*program, "--connection-limit=2000", launch.application]


def _raw(launch: Launch) -> list[str]:
    command = [str(launch.paths.raw), str(launch.port), str(launch.workload.body_length)]
    return [*command, "close"] if launch.workload.closing else command


REPEATED = ("hello", "headers")
THREADED = ("hello", "headers", "close", "c1", "c1000", "10k", "echo", "flask")

PLAIN = (
    Server("raw", Kind.FLOOR, _raw),
    Server("longma", Kind.SUBJECT, longma(), also=("c1",)),
    Server("longma-no-head-cache", Kind.VARIANT, longma("--no-head-cache"), only=REPEATED),
    Server("longma-access-log", Kind.VARIANT, _longma_logging, only=("hello",)),
    Server("longma-gthread", Kind.VARIANT, longma("--threads", "8"), only=THREADED),
    Server("peregrine", Kind.PEER, _peregrine, "peregrine-server", also=("c1",)),
    Server("peregrine-threads", Kind.RIVAL, _peregrine_threads, "peregrine-server", only=THREADED),
    Server("fastpysgi", Kind.PEER, _fastpysgi, "fastpysgi"),
    Server("bjoern", Kind.PEER, _bjoern, "bjoern"),
    Server("granian", Kind.PEER, granian(), "granian", also=("c1",)),
    Server("gunicorn-gthread", Kind.PEER, gunicorn("-k", "gthread", "--threads", "4"), "gunicorn", near=False),
    Server("uwsgi", Kind.PEER, _uwsgi, "pyuwsgi", near=False, serves_every_client=False),
    Server("waitress", Kind.PEER, _waitress, "waitress", near=False, prefork=False),
)
