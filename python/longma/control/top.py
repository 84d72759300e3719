"""`longmactl top`: the workers, again and again, with how many requests each answers in a second.

Where `rich` is installed and the output is a terminal the table stays in its place, else one is printed after another.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final

from longma.control.tables import WORKER_HEAD, summary, table, worker_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longma.control.client import ControlClient
    from longma.control.messages import Data

HEAD: Final = (*WORKER_HEAD[:6], "REQ/S", *WORKER_HEAD[6:])
RATE_AT: Final = 6


class Looks:
    """What was seen last, so that of what is seen next it can be said how fast it has come."""

    def __init__(self) -> None:
        self._requests: dict[int, int] = {}
        self._at = 0.0

    def frame(self, data: Data, now: float) -> str:
        """Return what to show of an answer to `show all`."""
        rows = []
        for worker in data["web_workers"]:
            row = worker_row(worker)
            row.insert(RATE_AT, self._rate(worker, now))
            rows.append(row)
        self._requests = {worker["pid"]: worker["requests"] for worker in data["web_workers"]}
        self._at = now
        return "\n".join([summary(data["stats"]), "", *table(HEAD, rows)])

    def _rate(self, worker: dict[str, Any], now: float) -> int | None:
        before = self._requests.get(worker["pid"])
        if before is None or now <= self._at:
            return None
        return round((int(worker["requests"]) - before) / (now - self._at))


def frames(client: ControlClient, interval: float, count: int) -> Iterator[str]:
    """Yield what to show, every `interval` seconds, `count` times or for ever where that is 0.

    Raises:
        Refused: the server does not tell.
        Unreachable: it is gone.
    """
    looks, done = Looks(), 0
    while True:
        yield looks.frame(client.ask("show all"), time.monotonic())
        done += 1
        if done == count:
            return
        time.sleep(interval)


def watch(client: ControlClient, interval: float, count: int) -> None:
    """Show the workers until the count is reached.

    Raises:
        Refused: the server does not tell.
        Unreachable: it is gone.
    """
    if sys.stdout.isatty():
        try:
            from rich.live import Live  # the extra longma[top]
            from rich.text import Text
        except ImportError:
            pass
        else:
            with Live(screen=not count, auto_refresh=False) as live:
                for frame in frames(client, interval, count):
                    live.update(Text(frame, no_wrap=True, overflow="ellipsis"), refresh=True)
            return
    for number, frame in enumerate(frames(client, interval, count)):
        sys.stdout.write(f"\n{frame}\n" if number else f"{frame}\n")
        sys.stdout.flush()
