"""A kernel that exists only in the test: processes with numbers from a small stock, so that numbers soon come again."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field

from longma.process.signals import STACK_SIGNAL

PIDS = range(2, 16)
HARMLESS = (signal.SIGUSR1, STACK_SIGNAL)
NO_PROCESS_LEFT = "Resource temporarily unavailable"


@dataclass
class Process:
    """A worker of the master, or a stranger that happens to have a number."""

    is_ours: bool
    slot: int = -1
    forked_at: float = 0.0
    heartbeat_at: float = 0.0
    is_ready: bool = False
    memory: int = 0
    is_stuck: bool = False  # ignores every signal but KILL, and its heart stands still
    hangs: bool = False  # outlives even KILL
    told_at: float | None = None  # when it was first told to stop
    hurried: bool = False  # told by QUIT
    was_aborted: bool = False
    was_killed: bool = False
    exit_code: int | None = None  # gone, and not reaped yet


@dataclass
class Kernel:
    """Forks, kills and reaps as Linux does; a signal to anybody but a child that is not reaped is a failed test.

    Attributes:
        lost: Numbers of workers that somebody else has reaped. Nobody gets them again before the master knows: there
            is no way to tell such a worker from a stranger.
    """

    processes: dict[int, Process] = field(default_factory=dict)
    forks_fail: bool = False
    lost: set[int] = field(default_factory=set)

    def fork(self, slot: int, now: float) -> int | None:
        free = self.free_pids()
        if self.forks_fail or not free:
            return None
        self.processes[free[0]] = Process(is_ours=True, slot=slot, forked_at=now, heartbeat_at=now)
        return free[0]

    def kill(self, pid: int, number: int, now: float) -> bool:
        """Send a signal; false when there is no such process."""
        if pid in self.lost:
            self.lost.remove(pid)
            return False
        process = self.processes.get(pid)
        assert process is not None, f"signal {number} to {pid}, which does not exist"
        assert process.is_ours, f"signal {number} to {pid}, which is a stranger"
        assert not process.was_killed, f"signal {number} to {pid}, which was sent KILL before"
        self._note(process, number, now)
        if process.exit_code is not None or process.hangs or number in HARMLESS:
            return True
        if number == signal.SIGKILL:
            process.exit_code = -signal.SIGKILL
        elif not process.is_stuck:
            process.exit_code = 1 if number == signal.SIGABRT else 0
        return True

    @staticmethod
    def _note(process: Process, number: int, now: float) -> None:
        process.was_killed = number == signal.SIGKILL
        process.was_aborted = process.was_aborted or number == signal.SIGABRT
        if number in (signal.SIGTERM, signal.SIGQUIT):
            process.told_at = now if process.told_at is None else process.told_at
            process.hurried = process.hurried or number == signal.SIGQUIT

    def reap(self, pid: int) -> int:
        code = self.processes.pop(pid).exit_code
        assert code is not None
        return code

    def lose(self, pid: int) -> None:
        """Let somebody else reap it: a hook that waits for any child."""
        self.reap(pid)
        self.lost.add(pid)

    def beat(self, now: float) -> None:
        for process in self.processes.values():
            if process.is_ours and process.exit_code is None and not process.is_stuck:
                process.heartbeat_at = now

    def free_pids(self) -> list[int]:
        return [pid for pid in PIDS if pid not in self.processes and pid not in self.lost]

    def ours(self) -> list[int]:
        """The numbers of all that the master has started and not been told the end of."""
        return [pid for pid, process in self.processes.items() if process.is_ours] + sorted(self.lost)

    def living(self) -> list[int]:
        return [pid for pid, process in self.processes.items() if process.is_ours and process.exit_code is None]

    def booting(self) -> list[int]:
        return [pid for pid in self.living() if not self.processes[pid].is_ready]

    def zombies(self) -> list[int]:
        return [pid for pid, process in self.processes.items() if process.exit_code is not None]

    def some_react_to_nothing(self) -> bool:
        return any(self.processes[pid].is_stuck for pid in self.living())
