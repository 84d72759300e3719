"""How long a test waits for an event before it gives up: never how long something may take."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

# Generous: an event comes within milliseconds, and a machine that is busy with a build must not fail a test.
DEADLINE_SECONDS = float(os.environ.get("LONGMA_TEST_DEADLINE", "30"))


class Missed(AssertionError):
    """An event did not come before its deadline."""


class Deadline:
    """A moment on the monotonic clock, and the seconds that are left until then."""

    def __init__(self, seconds: float = DEADLINE_SECONDS) -> None:
        self.at = time.monotonic() + seconds

    def left(self, awaited: str) -> float:
        """The seconds left; none left means that what was awaited did not come."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise Missed(f"not within the deadline: {awaited}")
        return left


def until(condition: Callable[[], object], awaited: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Wait for a fact of another process that sends no event, such as what /proc says of it, by asking again."""
    deadline = Deadline(seconds)
    while not condition():
        time.sleep(min(0.002, deadline.left(awaited)))
