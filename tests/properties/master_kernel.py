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
    heartbeat_at: float = 0.0
    is_ready: bool = False
    memory: int = 0
    is_stuck: bool = False  # ignores every signal but KILL, and its heart stands still
    hangs: bool = False  # outlives even KILL
    was_killed: bool = False
    exit_code: int | None = None  # gone, and not reaped yet


@dataclass
class Kernel:
    """Forks, kills and reaps as Linux does; a signal to anybody but a child that is not reaped is a failed test."""

    processes: dict[int, Process] = field(default_factory=dict)
    forks_fail: bool = False

    def fork(self, slot: int, now: float) -> int | None:
        free = self.free_pids()
        if self.forks_fail or not free:
            return None
        self.processes[free[0]] = Process(is_ours=True, slot=slot, heartbeat_at=now)
        return free[0]

    def kill(self, pid: int, number: int) -> None:
        process = self.processes.get(pid)
        assert process is not None, f"signal {number} to {pid}, which does not exist"
        assert process.is_ours, f"signal {number} to {pid}, which is a stranger"
        assert not process.was_killed, f"signal {number} to {pid}, which was sent KILL before"
        process.was_killed = number == signal.SIGKILL
        if process.exit_code is not None or process.hangs or number in HARMLESS:
            return
        if number == signal.SIGKILL:
            process.exit_code = -signal.SIGKILL
        elif not process.is_stuck:
            process.exit_code = 1 if number == signal.SIGABRT else 0

    def reap(self, pid: int) -> int:
        code = self.processes.pop(pid).exit_code
        assert code is not None
        return code

    def beat(self, now: float) -> None:
        for process in self.processes.values():
            if process.is_ours and process.exit_code is None and not process.is_stuck:
                process.heartbeat_at = now

    def free_pids(self) -> list[int]:
        return [pid for pid in PIDS if pid not in self.processes]

    def living(self) -> list[int]:
        return [pid for pid, process in self.processes.items() if process.is_ours and process.exit_code is None]

    def booting(self) -> list[int]:
        return [pid for pid in self.living() if not self.processes[pid].is_ready]

    def zombies(self) -> list[int]:
        return [pid for pid, process in self.processes.items() if process.exit_code is not None]
