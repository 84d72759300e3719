"""What can happen to the master."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from longma.master.state import Wanted
from longma.process.tether import Report


class Reading(NamedTuple):
    """What is seen of a worker from outside.

    Attributes:
        heartbeat_at: When its heart last beat, as the board says.
        in_call: Whether it is in an application call.
        call: Method and target of a call that lasts long, "" otherwise.
        memory: The bytes of memory that it has, 0 when nobody wants to know.
    """

    slot: int
    pid: int
    heartbeat_at: float
    in_call: bool = False
    call: str = ""
    memory: int = 0


class Tick(NamedTuple):
    """Time has passed; the workers were looked at, and so was the master that started this one."""

    readings: tuple[Reading, ...] = ()
    parent_is_gone: bool = False


class Signalled(NamedTuple):
    """The master received a signal; CHLD is not among them, it is told as `Reaped`."""

    signal: int


class SettingsLoaded(NamedTuple):
    """The settings were read anew, and new workers can be started with them."""

    generation: int
    wanted: Wanted


class SettingsRefused(NamedTuple):
    """The settings were read anew, and something is wrong with them: nothing has changed."""

    reason: str


class Spawned(NamedTuple):
    """The worker of this age was forked."""

    age: int
    pid: int


class SpawnFailed(NamedTuple):
    """The worker of this age could not be forked."""

    age: int
    reason: str


class UpgradeStarted(NamedTuple):
    """Another master was started, with the same listeners."""

    pid: int


class UpgradeFailed(NamedTuple):
    """No other master could be started."""

    reason: str


class Reported(NamedTuple):
    """A worker said something of itself, in the words of `text`."""

    pid: int
    report: Report
    text: str = ""


class Reaped(NamedTuple):
    """A child is gone.

    Attributes:
        exit_code: Its exit status, or minus the number of the signal that ended it.
        requests: How many requests it had answered, where it was a worker.
        out_of_memory: Whether the kernel has killed for want of memory in our control group since the last child went.
    """

    pid: int
    exit_code: int
    requests: int = 0
    out_of_memory: bool = False


class Resized(NamedTuple):
    """The operator wants so many workers more, or fewer where it is negative; one stays."""

    by: int


class Dismissed(NamedTuple):
    """The operator wants one worker to finish. Another one takes its place."""

    pid: int


class Vanished(NamedTuple):
    """A worker turned out to be gone when it was to be signalled: somebody else reaped it."""

    pid: int


Event: TypeAlias = (
    Tick
    | Signalled
    | SettingsLoaded
    | SettingsRefused
    | Spawned
    | SpawnFailed
    | UpgradeStarted
    | UpgradeFailed
    | Reported
    | Reaped
    | Vanished
    | Resized
    | Dismissed
)
