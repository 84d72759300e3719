"""The machine and the moment of a run: without them its figures mean nothing."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """Where and how the figures were measured."""

    processor: str
    cpus: int
    memory_gb: float
    kernel: str
    python: str
    date: str
    command: str
    versions: Mapping[str, str]

    def lines(self) -> list[str]:
        """Return the facts as a Markdown list."""
        versions = ", ".join(f"{name} {version}" for name, version in sorted(self.versions.items()))
        return [
            f"- Machine: {self.cpus} × {self.processor}, {self.memory_gb:.0f} GB; server on CPU 0, load on CPU 1",
            f"- System: Linux {self.kernel}, CPython {self.python}",
            f"- Date: {self.date}",
            f"- Command: `{self.command}`",
            f"- Versions: {versions}",
        ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def this_machine(command: str, python: str, versions: Mapping[str, str]) -> Machine:
    """Return the facts of this machine, now."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return Machine(_processor(), os.cpu_count() or 1, memory, platform.release(), python, date, command, versions)
