"""Real supervisors that run the site by the files of deploy/."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from tests.support.deadlines import DEADLINE_SECONDS, Missed, until
from tests.support.paths import ROOT, VENV_BIN
from tests.support.processes import children, is_alive
from tests.support.server import environment
from tests.support.shop import Shop

SUPERVISORD = """\
[supervisord]
nodaemon=true
pidfile={directory}/supervisord.pid
logfile={directory}/log/supervisord.log
childlogdir={directory}/log
{user}
[unix_http_server]
file={directory}/control
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{directory}/control
[include]
files = {directory}/longma.conf
"""


class Supervised(ABC):
    """A supervisor that has started the site; what it and longma write is in the site's logs.

    Attributes:
        programs: what must be installed for it.
        error_log: the file of the site's logs where longma's records are.
    """

    programs: tuple[str, ...] = ()
    error_log = "error.log"

    def __init__(self, site: Shop, variables: Mapping[str, str]) -> None:
        self.site = site
        self.environment = environment({"PYTHONPATH": str(ROOT), **variables})
        self.environment["PATH"] = f"{VENV_BIN}{os.pathsep}{self.environment['PATH']}"
        del self.environment["PYTHONWARNINGS"]  # the supervisors are of Python, too, and have their own
        self.output = (site.directory / "log" / "supervisor").open("wb")
        self.process = subprocess.Popen(
            self.install(),
            cwd=site.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            start_new_session=True,
        )

    @abstractmethod
    def install(self) -> Sequence[str]:
        """Lay the shipped files out; returns the command that starts the supervisor."""

    @abstractmethod
    def reload(self) -> None:
        """Have the supervisor send HUP."""

    @abstractmethod
    def start(self) -> None:
        """Have the supervisor start what it has stopped."""

    @abstractmethod
    def stopping(self) -> subprocess.Popen[bytes]:
        """Have the supervisor stop longma: the command that does, which ends when that is done."""

    def order(self, *command: str) -> None:
        """Give an order by the supervisor's own command."""
        subprocess.run(command, env=self.environment, check=True, capture_output=True, timeout=DEADLINE_SECONDS)

    def begin(self, *command: str) -> subprocess.Popen[bytes]:
        """Give an order that takes its time."""
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def log(self) -> str:
        """What longma's error log and the supervisor have said."""
        return "\n".join(self.site.log(name) for name in (self.error_log, "supervisor", "supervisord.log"))

    def wait(self, words: str, count: int = 1) -> None:
        """Wait until longma has said so."""
        try:
            until(lambda: self.site.log(self.error_log).count(words) >= count, f"{count} times {words!r}")
        except Missed as missed:
            raise Missed(f"{missed}\n{self.log()}") from None

    def takes_orders(self) -> bool:
        """Whether the supervisor counts longma as started, and would pass a signal on."""
        return True

    def wait_until_up(self) -> None:
        """Wait until the site answers, and its supervisor has seen it."""
        try:
            until(self.site.answers, "an answer")
            until(self.takes_orders, "the supervisor to count it as started")
        except Missed as missed:
            raise Missed(f"{missed}\n{self.log()}") from None

    def close(self) -> None:
        """End the supervisor, as happens when the machine goes down; it leaves no process."""
        everybody = [self.process.pid, *descendants(self.process.pid)]
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(DEADLINE_SECONDS)
            until(lambda: not any(map(is_alive, everybody)), f"the end of all processes: {everybody}")
        finally:
            for pid in everybody:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.output.close()


def descendants(pid: int) -> list[int]:
    """The numbers of a process's children, and of theirs."""
    found = children(pid)
    return found + [grandchild for child in found for grandchild in descendants(child)]


class Supervisor(Supervised):
    """supervisord with deploy/supervisor/longma.conf."""

    programs = ("supervisord", "supervisorctl")

    def install(self) -> Sequence[str]:
        self.site.install("supervisor/longma.conf", "longma.conf")
        user = "user=root" if os.geteuid() == 0 else ""
        main = self.site.directory / "supervisord.conf"
        main.write_text(SUPERVISORD.format(directory=self.site.directory, user=user))
        self.control = ("supervisorctl", "-c", str(main))
        return ("supervisord", "-c", str(main))

    def takes_orders(self) -> bool:
        status = (*self.control, "status", "longma")
        return subprocess.run(status, env=self.environment, capture_output=True, check=False).returncode == 0

    def reload(self) -> None:
        self.order(*self.control, "signal", "HUP", "longma")

    def start(self) -> None:
        self.order(*self.control, "start", "longma")

    def stopping(self) -> subprocess.Popen[bytes]:
        return self.begin(*self.control, "stop", "longma")


class Runit(Supervised):
    """runsv with deploy/runit/run and deploy/runit/log/run."""

    programs = ("runsv", "sv", "svlogd", "chpst")
    error_log = "current"

    def install(self) -> Sequence[str]:
        self.service = str(self.site.install("runit/run", "service/run").parent)
        self.site.install("runit/log/run", "service/log/run")
        return ("runsv", self.service)

    def reload(self) -> None:
        self.order("sv", "hup", self.service)

    def start(self) -> None:
        self.order("sv", "start", self.service)

    def stopping(self) -> subprocess.Popen[bytes]:
        return self.begin("sv", "-w", "60", "stop", self.service)


class Circus(Supervised):
    """circusd with deploy/circus/circus.ini, whose socket is here one with a path."""

    programs = ("circusd", "circusctl")

    def install(self) -> Sequence[str]:
        text = self.site.shipped("circus/circus.ini").replace("/run/circus", str(self.site.directory))
        listens = "host = 0.0.0.0\nport = 8000\n"
        assert listens in text
        path = self.site.directory / "circus.ini"
        path.write_text(text.replace(listens, f"path = {self.site.address}\n"))
        self.control = ("circusctl", "--endpoint", f"ipc://{self.site.directory}/endpoint", "--timeout", "60")
        return ("circusd", str(path))

    def reload(self) -> None:
        self.order(*self.control, "signal", "longma", "HUP")

    def start(self) -> None:
        self.order(*self.control, "start", "longma")

    def stopping(self) -> subprocess.Popen[bytes]:
        return self.begin(*self.control, "stop", "longma", "--waiting")
