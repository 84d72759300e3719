"""The master's loop: it waits, turns what happened into events, and has the decisions performed."""

from __future__ import annotations

import math
import os
import select
import signal
from typing import TYPE_CHECKING, Any

from longma.master.decide import decide
from longma.master.events import Reading, Reaped, Reported, Signalled, Tick
from longma.master.policies import earliest
from longma.master.reap import reap_one
from longma.process.memory import resident_bytes
from longma.process.oom import OomKills
from longma.unpatched import original

if TYPE_CHECKING:
    from longma.clock import Clock
    from longma.control.commands import Command
    from longma.control.server import Giver
    from longma.master.events import Event
    from longma.master.shell import Shell
    from longma.master.spawn import Spawner
    from longma.master.state import State
    from longma.process.board import Board
    from longma.process.signals import SignalPipe

NANOSECONDS = 1_000_000_000
# What the master decides about. CHLD comes beside them, only to end a wait.
SIGNALS = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
)


class Loop:
    """Runs the master from its first decision to its last.

    Args:
        parent: the process number of the master that has started this one by USR2, 0 when none has.
    """

    def __init__(
        self, state: State, shell: Shell, spawner: Spawner, board: Board, signals: SignalPipe, clock: Clock, parent: int
    ) -> None:
        self._state = state
        self._shell = shell
        self._spawner = spawner
        self._board = board
        self._signals = signals
        self._clock = clock
        # As it was told at the start: it may be gone by now, and another process our parent.
        self._parent = parent
        self._oom = OomKills()
        self._oom_kills = self._oom.count()

    def run(self) -> int:
        """Return the exit status of the master, once its last worker is gone.

        Raises:
            InWorker: this is a child that was just forked.
        """
        self._handle(Tick())
        while self._shell.exit_code is None:
            ready = self._wait()
            self._take_all_reports()
            for number in self._signals.drain():
                if number in SIGNALS:
                    self._handle(Signalled(number))
            while (gone := reap_one()) is not None:
                self._part_from(gone)
            if (control := self._shell.control) is not None:
                control.attend(ready, self._clock.now(), self._obey)
            # Last: a state that has work for the next turn already says so by a moment that has passed.
            wake_at = self._state.wake_at
            if wake_at is not None and self._clock.now() >= wake_at:
                self._handle(Tick(self._readings(), self._parent_is_gone()))
        return self._shell.exit_code

    def _parent_is_gone(self) -> bool:
        return self._parent != 0 and os.getppid() != self._parent

    def _handle(self, event: Event) -> None:
        """Decide, perform, and go on with what comes of it until nothing more does."""
        events = [event]
        for current in events:
            self._state, actions = decide(self._state, current, self._clock.now())
            for action in actions:
                outcome = self._shell.perform(action)
                if outcome is not None:
                    events.append(outcome)

    def _obey(self, command: Command, giver: Giver) -> dict[str, Any]:
        """Do what a client of the control socket wants, and return what it is answered.

        Raises:
            Refused: it cannot be done.
        """
        # Only servers with such a socket need them.
        from longma.control.messages import Refused
        from longma.master import orders
        from longma.master.figures import Sight

        before, common = self._state, self._shell.current
        event = orders.event_of(command, before)
        if event is not None:
            common.log.info(f"Control socket: {giver.words} (pid:{giver.pid}, uid:{giver.uid})")
            self._handle(event)
        try:
            return orders.answer_to(command, before, Sight(self._state, self._shell.current, self._clock.now()))
        except Refused:
            raise
        except Exception:
            # Here a command ends: what the site has put into its settings may fail to be told.
            common.log.exception("Exception while a command of the control socket was answered")
            raise Refused("There is no answer; the error log says why") from None

    def _wait(self) -> frozenset[int]:
        """Wait for a signal, a report, a client, or the moment that the state names; return what is ready."""
        waiting = original("select", "poll")()
        waiting.register(self._signals.fileno(), select.POLLIN)
        for tether in self._spawner.tethers.values():
            waiting.register(tether.fileno(), select.POLLIN)
        wake_at = self._state.wake_at
        if (control := self._shell.control) is not None:
            now = self._clock.now()
            control.register(waiting, now)
            wake_at = earliest(wake_at, control.wake_at(now))
        timeout = None if wake_at is None else math.ceil(max(0.0, wake_at - self._clock.now()) * 1000)
        return frozenset(descriptor for descriptor, _ in waiting.poll(timeout))

    def _take_all_reports(self) -> None:
        for pid in tuple(self._spawner.tethers):
            self._take_reports(pid)

    def _take_reports(self, pid: int) -> None:
        tether = self._spawner.tethers.get(pid)
        if tether is None:
            return
        for message in tether.receive():
            self._handle(Reported(pid, message.report, message.text))
        if tether.ended:
            self._spawner.release(pid)

    def _part_from(self, gone: Reaped) -> None:
        """Hear what a child had to say before it went, then that it is gone."""
        self._take_reports(gone.pid)
        self._spawner.release(gone.pid)
        worker = self._state.worker(gone.pid)
        if worker is not None:
            gone = gone._replace(requests=self._board.page(worker.slot).requests)
            if gone.exit_code == -signal.SIGKILL:
                kills, self._oom_kills = self._oom_kills, self._oom.count()
                gone = gone._replace(out_of_memory=kills != self._oom_kills)
        self._handle(gone)

    def _readings(self) -> tuple[Reading, ...]:
        """What can be seen of each worker from outside."""
        is_weighed = bool(self._state.wanted.memory or self._state.wanted.memory_hard)
        readings = []
        for worker in self._state.workers:
            page = self._board.page(worker.slot)
            memory = (resident_bytes(worker.pid) or 0) if is_weighed else 0
            heartbeat_at = page.heartbeat_ns / NANOSECONDS
            call = self._board.call(worker.slot) if page.call_started_ns else ""
            readings.append(Reading(worker.slot, page.pid, heartbeat_at, page.call_started_ns != 0, call, memory))
        return tuple(readings)
