"""What the master can do. The shell performs these; nothing else does anything."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, TypeAlias


class Spawn(NamedTuple):
    """Fork a worker of a generation into a slot; answered by `Spawned` or `SpawnFailed`."""

    slot: int
    age: int
    generation: int = 0
    device: str = ""


class Kill(NamedTuple):
    """Send a worker a signal; answered by `Vanished` when there is no such process."""

    pid: int
    signal: int


class FreeSlot(NamedTuple):
    """Empty the board's page of a worker that is gone."""

    slot: int


class Condemn(NamedTuple):
    """Let the worker of a slot know that it is about to be ended, so that it leaves to others what it can."""

    slot: int


class BuryWorker(NamedTuple):
    """Run the hook for a worker that is gone, and forget it; `hook` is the hook's name, "" for none."""

    pid: int
    hook: str


class LoadSettings(NamedTuple):
    """Read the settings anew; answered by `SettingsLoaded` with this generation, or by `SettingsRefused`."""

    generation: int


class Renew(NamedTuple):
    """Begin a generation with the settings of the one before: the application's files have changed."""

    generation: int


class Commit(NamedTuple):
    """A worker of this generation serves: let go of what only the earlier ones needed."""

    generation: int


class Abandon(NamedTuple):
    """No worker of this generation will serve: let go of what only it needed."""

    generation: int


class NoteWorkers(NamedTuple):
    """Tell the hook `nworkers_changed` that so many workers are wanted now."""

    new: int
    old: int


class ReopenLogs(NamedTuple):
    """Open the master's own log files anew: they have been moved away."""


class Upgrade(NamedTuple):
    """Start another master with the same listeners; answered by `UpgradeStarted` or `UpgradeFailed`."""


class Promote(NamedTuple):
    """Be the only master from now on: the one that started this one is gone."""


class News(Enum):
    """What a supervisor is told (sd_notify(3))."""

    READY = "ready"
    RELOADING = "reloading"
    STOPPING = "stopping"
    HANDING_OVER = "handing over"
    ALIVE = "alive"


class Notify(NamedTuple):
    """Tell the supervisor."""

    news: News


class Measure(NamedTuple):
    """Report how long the listeners' queues are."""


class LookAtCertificates(NamedTuple):
    """Have the workers show the certificates that stand in the files now."""


class CountWorkers(NamedTuple):
    """Report how many workers there are."""

    number: int


class SayLeaving(NamedTuple):
    """Have the engines tell load balancers that the server is about to stop."""


class CloseListeners(NamedTuple):
    """Let go of the listening sockets, so that they close with the last worker's.

    Attributes:
        unlink: Whether the paths of Unix sockets go too: not while another master listens on the same sockets.
        is_quick: Whether whoever is about to connect is not waited for.
    """

    unlink: bool = True
    is_quick: bool = False


class Log(NamedTuple):
    """Write a record, in the name of the worker `pid`, or of the master when it is None."""

    level: int
    message: str
    pid: int | None = None


class Exit(NamedTuple):
    """End the master: no worker is left."""

    code: int


Action: TypeAlias = (
    Spawn
    | Kill
    | FreeSlot
    | Condemn
    | BuryWorker
    | LoadSettings
    | Renew
    | Commit
    | Abandon
    | NoteWorkers
    | ReopenLogs
    | Upgrade
    | Promote
    | Notify
    | Measure
    | LookAtCertificates
    | CountWorkers
    | SayLeaving
    | CloseListeners
    | Log
    | Exit
)
