"""What can happen to the master."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from longma.process.tether import Report


class Reading(NamedTuple):
    """What the board says of one slot: who has it, when its heart last beat, whether it is in an application call."""

    slot: int
    pid: int
    heartbeat_at: float
    in_call: bool = False


class Tick(NamedTuple):
    """Time has passed; the board was read."""

    readings: tuple[Reading, ...] = ()


class Signalled(NamedTuple):
    """The master received a signal; CHLD is not among them, it is told as `Reaped`."""

    signal: int


class Spawned(NamedTuple):
    """The worker of this age was forked."""

    age: int
    pid: int


class SpawnFailed(NamedTuple):
    """The worker of this age could not be forked."""

    age: int
    reason: str


class Reported(NamedTuple):
    """A worker said something of itself; `text` is why, for a failure."""

    pid: int
    report: Report
    text: str = ""


class Reaped(NamedTuple):
    """A child is gone.

    Attributes:
        exit_code: Its exit status, or minus the number of the signal that ended it.
        requests: How many requests it had answered, where it was a worker.
    """

    pid: int
    exit_code: int
    requests: int = 0


class Vanished(NamedTuple):
    """A worker turned out to be gone when it was to be signalled: somebody else reaped it."""

    pid: int


Event: TypeAlias = Tick | Signalled | Spawned | SpawnFailed | Reported | Reaped | Vanished
