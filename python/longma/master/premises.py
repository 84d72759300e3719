"""What the master shows of itself to the machine: pidfile, control socket, title, word to the supervisor, figures."""

from __future__ import annotations

import _socket
import os
import struct
import sys
import time
from typing import TYPE_CHECKING

from longma.errors import OperatorError
from longma.master.actions import News

if TYPE_CHECKING:
    from longma.config.settings import Settings
    from longma.control.server import Control
    from longma.logs.error_log import ErrorLog
    from longma.process.daemon import Started
    from longma.process.notify import Notifier
    from longma.process.pidfile import Pidfile
    from longma.workers.model import Common

# A second master has its own pidfile and control socket until it is promoted.
SECOND = ".2"
# struct tcp_info (linux/tcp.h): of a listening socket, `tcpi_unacked` is the length of its accept queue.
TCP_INFO_BYTES = 104
UNACKED_OFFSET = 24
MICROSECONDS = 1_000_000


class Premises:
    """The master's pidfile, control socket, title, notifications and figures.

    Attributes:
        control: The control socket, if there is one.
    """

    def __init__(self, notifier: Notifier, started: Started | None, *, is_second: bool) -> None:
        self._notifier = notifier
        self._started = started
        self._is_second = is_second
        self._pidfile: Pidfile | None = None
        self.control: Control | None = None

    @property
    def watchdog(self) -> float:
        """How often the supervisor wants a sign of life, in seconds; 0 for never."""
        return self._notifier.watchdog_seconds or 0.0

    def move_in(self, settings: Settings, log: ErrorLog) -> None:
        """Write the pidfile and the title, and open the control socket.

        Raises:
            OperatorError: one of the two belongs to a server that runs, or cannot be made.
        """
        self._pidfile = self._create(settings.pidfile)
        self._title(settings)
        try:
            self._open_control(settings, log)
        except OperatorError:
            self.move_out()
            raise

    def settle(self, before: Settings, settings: Settings, current: Common) -> None:
        """Follow a reload. What has become wrong with the new pidfile meanwhile is only logged: the server runs."""
        if settings.pidfile != before.pidfile:
            old = self._pidfile
            try:
                self._pidfile = self._create(settings.pidfile)
            except OperatorError as error:
                current.log.error(str(error))
            else:
                if old is not None:
                    old.unlink()
        try:
            self._open_control(settings, current.log)
        except OperatorError as error:
            current.log.error(str(error))
        self._title(settings)

    def take_over(self, current: Common) -> None:
        """Become the only master: take the name that was the old one's."""
        self._is_second = False
        path = current.settings.pidfile
        if self._pidfile is not None and path is not None:
            try:
                self._pidfile.rename(path)
            except OperatorError as error:
                current.log.error(str(error))
        path = control_path(current.settings, is_second=False)
        if self.control is not None and path is not None:
            try:
                self.control.move(path)
            except OperatorError as error:
                current.log.error(str(error))
            else:
                current.log.info(f"Control socket listening at {path}")
        self._title(current.settings)
        if self._notifier:
            self._notifier.send(f"MAINPID={os.getpid()}\nREADY=1")

    def fail(self, exit_code: int) -> None:
        """Let the command that waits for the daemon end, if it still does: the server did not get as far as serving."""
        if self._started is not None:
            self._started.fail(exit_code)

    def leave_to_worker(self) -> None:
        """In a forked worker: let go of the control socket, and of the terminal that only the master still has."""
        if self.control is not None:
            self.control.leave()
        if self._started is not None:
            self._started.leave_terminal()

    def move_out(self) -> None:
        """Remove the pidfile and the control socket, where they still are ours."""
        if self._pidfile is not None:
            self._pidfile.unlink()
        if self.control is not None:
            self.control.close()

    def notify(self, news: News, successor: int = 0) -> None:
        """Tell the supervisor, if there is one (sd_notify(3)); `successor` is the master that USR2 has started."""
        if news is News.READY and self._started is not None:
            self._started.tell()
            self._started = None
        if not self._notifier:
            return
        match news:
            case News.READY:
                text = "READY=1\nSTATUS=Serving"
            case News.RELOADING:
                text = f"RELOADING=1\nMONOTONIC_USEC={int(time.monotonic() * MICROSECONDS)}\nSTATUS=Reloading"
            case News.STOPPING:
                text = "STOPPING=1\nSTATUS=Stopping"
            case News.HANDING_OVER:
                # As a rule only the main process is listened to, so it has to say itself who is that from now on.
                text = f"MAINPID={successor}"
            case News.ALIVE:
                text = "WATCHDOG=1"
        self._notifier.send(text)

    def measure(self, current: Common) -> None:
        """Report how many connections wait to be accepted, on all TCP listeners together."""
        waiting = sum(map(queue_length, current.listeners))
        current.log.metric("gunicorn.backlog", waiting, "histogram")

    def _create(self, path: str | None) -> Pidfile | None:
        if path is None:
            return None
        from longma.process.pidfile import Pidfile  # only servers with one need it

        pidfile = Pidfile(path + SECOND * self._is_second)
        pidfile.create(os.getpid())
        return pidfile

    def _open_control(self, settings: Settings, log: ErrorLog) -> None:
        """Have the control socket that the settings ask for.

        Raises:
            OperatorError: it belongs to a server that runs, or cannot be made; the one that is there stays.
        """
        path = control_path(settings, is_second=self._is_second)
        if path is None:
            if self.control is not None:
                self.control.close()
            self.control = None
            return
        if self.control is None:
            from longma.control.server import Control  # only servers with a socket need it

            self.control = Control(path, settings.control_socket_mode)
        elif not self.control.settle(path, settings.control_socket_mode):
            return
        log.info(f"Control socket listening at {path}")

    def _title(self, settings: Settings) -> None:
        from longma.process.title import set_title

        set_title(f"longma: master [{settings.proc_name or settings.default_proc_name}{SECOND * self._is_second}]")


def control_path(settings: Settings, *, is_second: bool) -> str | None:
    """Return where the control socket is to be, None for nowhere."""
    if settings.control_socket is None or settings.control_socket_disable:
        return None
    return settings.control_socket + SECOND * is_second


def queue_length(listener: object) -> int:
    """How many connections wait in a listener's accept queue; 0 where the system does not tell."""
    sock = _socket.socket(fileno=os.dup(listener.fileno()))  # type: ignore[attr-defined]
    try:
        if sys.platform != "linux" or sock.family == _socket.AF_UNIX:
            return 0
        info = sock.getsockopt(_socket.IPPROTO_TCP, _socket.TCP_INFO, TCP_INFO_BYTES)
        return int(struct.unpack_from("I", info, UNACKED_OFFSET)[0])
    except OSError:
        return 0
    finally:
        sock.close()
