"""What the control socket tells of the server: Gunicorn's members, and those that it lacks. Nothing is changed here."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from longma.config.callables import Hook
from longma.config.settings import table
from longma.master.state import Stage
from longma.process.board import WorkerState
from longma.process.memory import resident_bytes

if TYPE_CHECKING:
    from longma.master.state import Death, State, WorkerRecord
    from longma.workers.model import Common

NANOSECONDS: Final = 1_000_000_000
DIGITS: Final = 2
# What is nobody's business but the server's own.
SECRET: Final = frozenset({"keyfile_password", "raw_env"})
HIDDEN: Final = "(hidden)"
DIRTY: Final = ("dirty_workers", "dirty_apps", "dirty_timeout")


class Sight(NamedTuple):
    """What there is to look at, and when."""

    state: State
    common: Common
    now: float


def everything(sight: Sight) -> dict[str, Any]:
    """The master, its workers, and the totals."""
    found = workers(sight)["workers"]
    return {
        "arbiter": {"pid": os.getpid(), "type": "arbiter", "role": "master"},
        "web_workers": [{"type": "web", **worker} for worker in found],
        "web_worker_count": len(found),
        "dirty_arbiter": None,
        "dirty_workers": [],
        "dirty_worker_count": 0,
        "stats": stats(sight),
    }


def workers(sight: Sight) -> dict[str, Any]:
    """Each worker that there is, the oldest first."""
    found = [_worker(sight, worker) for worker in sorted(sight.state.workers, key=lambda worker: worker.age)]
    return {"workers": found, "count": len(found)}


def _worker(sight: Sight, worker: WorkerRecord) -> dict[str, Any]:
    board, now = sight.common.board, sight.now
    page = board.page(worker.slot)
    is_there = page.pid == worker.pid
    beat_at = max(worker.heartbeat_at, page.heartbeat_ns / NANOSECONDS if is_there else 0.0)
    has_booted = worker.ready_at is not None
    in_call = is_there and page.call_started_ns > 0
    return {
        "pid": worker.pid,
        "age": worker.age,
        "booted": has_booted,
        "aborted": worker.stage is Stage.ABORTED,
        "last_heartbeat": _ago(beat_at, now) if has_booted else None,
        "stage": worker.stage.value,
        "state": WorkerState(page.state).name.lower() if is_there else None,
        "requests": page.requests if is_there else 0,
        "queued": board.queued(worker.slot) if is_there else 0,
        "connections": page.connections if is_there else 0,
        # Only of a call that lasts is it known what it is.
        "current_request": board.call(worker.slot) or None if in_call else None,
        "current_seconds": _ago(page.call_started_ns / NANOSECONDS, now) if in_call else None,
        "memory": resident_bytes(worker.pid) or 0,
        "device": worker.device or None,
        "generation": worker.generation,
        "started": _moment(worker.spawned_at, now),
        "uptime": _ago(worker.spawned_at, now),
    }


def dirty(_sight: Sight) -> dict[str, Any]:
    """Gunicorn's dirty workers, of which there are none."""
    return {"enabled": False, "pid": None, "workers": [], "apps": []}


def stats(sight: Sight) -> dict[str, Any]:
    """What has happened since the master was started."""
    state = sight.state
    return {
        "uptime": _ago(state.began_at, sight.now),
        "pid": os.getpid(),
        "workers_current": len(state.workers),
        "workers_target": state.wanted.workers,
        "workers_spawned": state.last_age,
        "workers_killed": state.gone,
        "workers_failed": state.failed,
        "reloads": state.last_generation,
        "dirty_arbiter_pid": None,
        "started": _moment(state.began_at, sight.now),
        "phase": "stopping soon" if state.stop_at is not None else state.phase.value,
        "generation": state.generation,
        "last_reload_error": state.refusal or None,
        "requests": sight.common.board.requests(),
        "other_master": state.upgrade or (os.getppid() if state.has_parent else None),
        "deaths": [_death(death, sight.now) for death in state.deaths],
    }


def _death(death: Death, now: float) -> dict[str, Any]:
    return {
        "pid": death.pid,
        "age": death.age,
        "cause": death.cause,
        "requests": death.requests,
        "at": _moment(death.at, now),
        "seconds_ago": _ago(death.at, now),
    }


def listeners(sight: Sight) -> dict[str, Any]:
    """The sockets that are listened on."""
    found = [
        {"address": listener.url, "fd": listener.fileno(), "type": _kind(listener.url)}
        for listener in sight.common.listeners
        if listener.fileno() >= 0
    ]
    return {"listeners": found, "count": len(found)}


def _kind(url: str) -> str:
    if url.startswith("unix:"):
        return "unix"
    return "tcp6" if "//[" in url else "tcp"


def config(sight: Sight) -> dict[str, Any]:
    """The settings in force, as hooks see them; a function is its name."""
    cfg = sight.common.cfg
    values = {name: getattr(cfg, name) for name in DIRTY}
    for name, row in table().items():
        given: Any = sight.common.settings.value_of(name)
        if name in SECRET and given:
            values[name] = HIDDEN
        elif isinstance(row.kind, Hook):
            values[name] = None if given is None else row.kind.show(given)
        else:
            values[name] = getattr(cfg, name)
    return {name: _plain(value) for name, value in sorted(values.items())}


def _plain(value: object) -> Any:
    """Return what JSON has a word for."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


def _ago(moment: float, now: float) -> float:
    return round(max(0.0, now - moment), DIGITS)


def _moment(moment: float, now: float) -> str:
    """A moment of the monotonic clock, by the calendar: 2026-11-24T01:13:17+0000."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(time.time() - (now - moment)))
