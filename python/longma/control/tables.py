"""What a server answers, for a person to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from longma.logs.escape import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from longma.control.messages import Data

MEBIBYTE: Final = 1 << 20
MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400
NOTHING: Final = "-"
WORKER_HEAD: Final = (
    "PID",
    "AGE",
    "GEN",
    "STATE",
    "UP",
    "BEAT",
    "REQUESTS",
    "CONN",
    "QUEUE",
    "MEMORY",
    "DEVICE",
    "CALL",
)


def shown(command: str, data: Data) -> str:
    """Return an answer as lines; as JSON where there is no table for it."""
    views: Mapping[str, Callable[[Data], str]] = {
        "show all": everything,
        "show workers": workers,
        "show stats": stats,
        "show listeners": listeners,
        "show config": config,
        "show dirty": lambda _: "There are no dirty workers.",
        "help": commands,
    }
    view = views.get(" ".join(command.lower().split()))
    return json.dumps(data, indent=2) if view is None else view(data)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return lines with aligned columns; numbers stand to the right."""
    cells = [[NOTHING if cell is None else one_line(str(cell)) for cell in row] for row in rows]
    numeric = [all(isinstance(row[column], (int, float, type(None))) for row in rows) for column in range(len(head))]
    widths = [max(len(row[column]) for row in [list(head), *cells]) for column in range(len(head))]
    lines = []
    for row in [list(head), *cells]:
        parts = zip(row, widths, numeric, strict=True)
        lines.append(
            "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in parts).rstrip()
        )
    return lines


def worker_row(worker: Mapping[str, Any]) -> list[object]:
    """Return what stands under `WORKER_HEAD` of one worker."""
    call, seconds = worker["current_request"], worker["current_seconds"]
    return [
        worker["pid"],
        worker["age"],
        worker["generation"],
        worker["state"] if worker["stage"] == "ready" else worker["stage"],
        duration(worker["uptime"]),
        None if worker["last_heartbeat"] is None else f"{worker['last_heartbeat']:.1f}s",
        worker["requests"],
        worker["connections"],
        worker["queued"],
        f"{worker['memory'] / MEBIBYTE:.1f}M",
        worker["device"],
        "" if seconds is None else f"{seconds:.1f}s {call or ''}".rstrip(),
    ]


def workers(data: Data) -> str:
    """The answer to `show workers`."""
    lines = table(WORKER_HEAD, [worker_row(worker) for worker in data["workers"]])
    return "\n".join([*lines, "", f"Total: {counted(data['count'], 'worker')}"])


def everything(data: Data) -> str:
    """The answer to `show all`."""
    totals = data["stats"]
    found = {"workers": data["web_workers"], "count": data["web_worker_count"]}
    return "\n".join([summary(totals), "", workers(found)])


def summary(totals: Mapping[str, Any]) -> str:
    """One line about the whole server."""
    return (
        f"Master {totals['pid']}, {totals['phase']} for {duration(totals['uptime'])}: "
        f"{counted(totals['workers_current'], 'worker')} of {totals['workers_target']} wanted, "
        f"{counted(totals['requests'], 'request')}, {counted(totals['reloads'], 'reload')}, "
        f"{totals['workers_failed']} failed"
    )


def stats(data: Data) -> str:
    """The answer to `show stats`."""
    facts = [
        ("Master", data["pid"]),
        ("Other master", data["other_master"]),
        ("Started", f"{data['started']} ({duration(data['uptime'])} ago)"),
        ("Phase", data["phase"]),
        ("Generation", data["generation"]),
        ("Reloads", data["reloads"]),
        ("Last reload", f"failed: {data['last_reload_error']}" if data["last_reload_error"] else None),
        ("Requests", data["requests"]),
        ("Workers now", data["workers_current"]),
        ("Workers wanted", data["workers_target"]),
        ("Workers started", data["workers_spawned"]),
        ("Workers ended", data["workers_killed"]),
        ("Workers failed", data["workers_failed"]),
    ]
    lines = [f"{name + ':':<17}{one_line(str(value))}" for name, value in facts if value is not None]
    if data["deaths"]:
        rows = [[death["at"], death["pid"], death["requests"], death["cause"]] for death in data["deaths"]]
        lines += ["", *table(("ENDED", "PID", "REQUESTS", "CAUSE"), rows)]
    return "\n".join(lines)


def listeners(data: Data) -> str:
    """The answer to `show listeners`."""
    rows = [[one["address"], one["type"], one["fd"]] for one in data["listeners"]]
    return "\n".join(table(("ADDRESS", "TYPE", "FD"), rows))


def config(data: Data) -> str:
    """The answer to `show config`."""
    return "\n".join(f"{name} = {value!r}" for name, value in sorted(data.items()))


def commands(data: Data) -> str:
    """The answer to `help`."""
    width = max(map(len, data["commands"]), default=0) + 2
    return "\n".join(f"{name:<{width}}{words}" for name, words in data["commands"].items())


def counted(number: int, thing: str) -> str:
    """1 worker, 2 workers."""
    return f"{number} {thing}{'s' * (number != 1)}"


def duration(seconds: float) -> str:
    """59s, 2m05s, 3h07m, 4d01h."""
    whole = int(seconds)
    if whole < MINUTE:
        return f"{whole}s"
    if whole < HOUR:
        return f"{whole // MINUTE}m{whole % MINUTE:02}s"
    if whole < DAY:
        return f"{whole // HOUR}h{whole % HOUR // MINUTE:02}m"
    return f"{whole // DAY}d{whole % DAY // HOUR:02}h"
