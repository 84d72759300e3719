"""The clock that decisions are made by. Everything that waits takes one, so that a test can pass a clock of its own."""

import time

from longma.unpatched import original


class Clock:
    """Moments in seconds on the monotonic clock: what `deadline` and `_at` mean everywhere in longma."""

    __slots__ = ()

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        original("time", "sleep")(seconds)
