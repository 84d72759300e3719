"""What the master can do. The shell performs these; nothing else does anything."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class Spawn(NamedTuple):
    """Fork a worker into a slot; answered by `Spawned` or `SpawnFailed`."""

    slot: int
    age: int


class Kill(NamedTuple):
    """Send a worker a signal; answered by `Vanished` when there is no such process."""

    pid: int
    signal: int


class FreeSlot(NamedTuple):
    """Empty the board's page of a worker that is gone."""

    slot: int


class CloseListeners(NamedTuple):
    """Let go of the listening sockets, so that they close with the last worker's."""


class Log(NamedTuple):
    """Write a record, in the name of the worker `pid`, or of the master when it is None."""

    level: int
    message: str
    pid: int | None = None


class Exit(NamedTuple):
    """End the master: no worker is left."""

    code: int


Action: TypeAlias = Spawn | Kill | FreeSlot | CloseListeners | Log | Exit
