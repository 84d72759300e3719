"""What the master has done so far, and what it may do therefore; whatever it may not is a failed test."""

from __future__ import annotations

import signal
from collections import deque
from dataclasses import dataclass, field

from longma.master.actions import (
    Abandon,
    Action,
    CloseListeners,
    Commit,
    Condemn,
    Exit,
    FreeSlot,
    Kill,
    LoadSettings,
    News,
    Notify,
    Promote,
    Renew,
    SayLeaving,
    Spawn,
    Upgrade,
)
from longma.master.state import State
from tests.properties.master_kernel import Kernel, Process

TIMEOUT = 4.0
GRACEFUL_TIMEOUT = 6.0
BOOT_TIMEOUT = 7.0
MEMORY, MEMORY_HARD = 100, 200
WATCHDOG = 3.0


@dataclass
class Account:
    """Takes the master's actions, as the shell does.

    Attributes:
        asked: Spawns that are to be answered.
        loads: Readings of the settings that are to be answered.
        upgrade_asked: Whether the start of another master is to be answered.
        generations: Those that can be started with.
        in_use: The board's pages that have not been emptied.
        vanished: Workers that turned out to be gone when they were to be signalled.
        is_reloading: Whether the supervisor was told of a reload, and not yet that it is over.
    """

    kernel: Kernel
    now: float
    asked: deque[Spawn] = field(default_factory=deque)
    loads: deque[int] = field(default_factory=deque)
    upgrade_asked: bool = False
    generations: set[int] = field(default_factory=lambda: {0})
    in_use: set[int] = field(default_factory=set)
    vanished: list[int] = field(default_factory=list)
    parent_is_gone: bool = False
    promoted: int = 0
    told_to_stop: bool = False
    leaving_since: float | None = None
    closed: int = 0
    is_reloading: bool = False
    alive_at: float = 0.0
    exit_code: int | None = None

    def take(self, action: Action, state: State) -> None:
        """Do it; `state` is the one that the decision has led to."""
        assert self.exit_code is None, "the master acts after its end"
        match action:
            case Spawn(slot, _, generation):
                assert generation in self.generations, "spawned with what was let go of"
                assert slot not in self.in_use, "spawned to a page that was not emptied"
                self.asked.append(action)
            case FreeSlot(slot):
                self.in_use.remove(slot)
            case Condemn(slot):
                assert slot in self.in_use
            case Kill(pid, number):
                self.kill(pid, number)
            case LoadSettings(generation):
                assert generation not in self.generations
                self.loads.append(generation)
            case Renew(generation):
                self.generations.add(generation)
            case Commit(generation):
                assert generation in self.generations
                self.generations = {number for number in self.generations if number >= generation}
            case Abandon(generation):
                self.generations.remove(generation)
            case Upgrade():
                assert not self.upgrade_asked
                assert (state.upgrade, state.has_parent) == (0, False), "there are two masters already"
                self.upgrade_asked = True
            case Promote():
                assert self.parent_is_gone
                self.promoted += 1
            case Notify(news):
                self.tell(news, state)
            case SayLeaving():
                assert self.told_to_stop
                self.leaving_since = self.now
            case CloseListeners(unlink, _):
                assert unlink == (not state.upgrade and not state.has_parent), "another master needs the paths"
                self.closed += 1
            case Exit(code):
                self.end(code)

    def kill(self, pid: int, number: int) -> None:
        """Send a signal, for which there has to be a reason."""
        process = self.kernel.processes.get(pid)
        if process is not None and process.is_ours and process.exit_code is None:
            if number == signal.SIGABRT:
                assert process.is_stuck or self.boots_too_long(process), "aborted for nothing"
            if number == signal.SIGKILL:
                assert self.may_be_killed(process), "killed too early, or for nothing"
        if not self.kernel.kill(pid, number, self.now):
            self.vanished.append(pid)

    def boots_too_long(self, process: Process) -> bool:
        return not process.is_ready and self.now >= process.forked_at + BOOT_TIMEOUT

    def may_be_killed(self, process: Process) -> bool:
        """Whether it has far too much memory, was aborted, or has had its time to stop."""
        if process.memory > MEMORY_HARD or process.was_aborted:
            return True
        return process.told_at is not None and (process.hurried or self.now >= process.told_at + GRACEFUL_TIMEOUT)

    def tell(self, news: News, state: State) -> None:
        if news is News.READY:
            assert state.ever_ready or state.wanted.workers == 0, "ready before anybody is"
            self.is_reloading = False
        elif news is News.RELOADING:
            self.is_reloading = True
        elif news is News.ALIVE:
            self.alive_at = self.now

    def end(self, code: int) -> None:
        assert not self.asked, "left before a worker that is being started"
        left = [pid for pid in self.kernel.living() if not self.kernel.processes[pid].was_killed]
        assert left == [], f"left {left} behind"
        self.exit_code = code
