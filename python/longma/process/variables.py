"""The environment variables of `raw_env`: set, and taken back when a reload sets others."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Variables:
    """Which variables were set here, and what they held before."""

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}

    def apply(self, assignments: Iterable[str]) -> None:
        """Set `NAME=VALUE` each, and give every variable that was set before and is not any more its old value."""
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._before.clear()
        for assignment in assignments:
            name, _, value = assignment.partition("=")
            self._before.setdefault(name, os.environ.get(name))
            os.environ[name] = value
