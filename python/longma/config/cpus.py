"""How many processors this process may use: `workers = "auto"`.

The machine may have 64 and the container a quota of two. The least of what counts is taken: the processors that the
process is allowed to run on, and the quota of its control group and of each group around it. A fraction of a processor
counts as one, since a worker that waits for a database leaves room for another.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOUNT: Final = "/sys/fs/cgroup"
_MEMBERSHIP: Final = "/proc/self/cgroup"


def available(mount: str = _MOUNT, membership: str = _MEMBERSHIP) -> int:
    """Return how many processors may be used, at least 1.

    Args:
        mount: where the control groups are mounted.
        membership: the file that says which groups this process is in.
    """
    allowed = _allowed()
    for share in _shares(mount, membership):
        # Up, without a float's rounding: 3 000 000 of 100 000 is 30, not 31.
        allowed = min(allowed, -(-share[0] // share[1]))
    return max(1, allowed)


def _allowed() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count() or 1


def _shares(mount: str, membership: str) -> Iterator[tuple[int, int]]:
    """Yield (quota, period) of each group with a quota that this process is in, from the inside out."""
    for line in _read(membership).splitlines():
        # hierarchy:controllers:path; version 2 is the one without controllers.
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            for folder in (mount, os.path.join(mount, "unified")):
                for group in _upwards(folder, path):
                    yield from _share(_read(os.path.join(group, "cpu.max")))
        elif "cpu" in controllers.split(","):
            for folder in dict.fromkeys((controllers, "cpu,cpuacct", "cpu")):
                for group in _upwards(os.path.join(mount, folder), path):
                    quota, period = (_read(os.path.join(group, f"cpu.cfs_{name}_us")) for name in ("quota", "period"))
                    yield from _share(f"{quota} {period}")


def _upwards(root: str, path: str) -> Iterator[str]:
    """Yield the folder of a group and of each group around it, up to the root; those out of sight are left out.

    In a container the path may be the host's, of which only the root can be seen, or lie outside ("/../shop").
    """
    parts = [part for part in os.path.normpath("/" + path).split("/") if part not in ("", "..")]
    for length in range(len(parts), -1, -1):
        folder = os.path.join(root, *parts[:length])
        if os.path.isdir(folder):
            yield folder


def _share(text: str) -> Iterator[tuple[int, int]]:
    """Yield quota and period when the text gives both: "max 100000" and "-1 100000" stand for no quota."""
    numbers = text.split()
    if len(numbers) == 2 and all(number.isdecimal() for number in numbers) and int(numbers[1]) > 0:
        yield int(numbers[0]), int(numbers[1])


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
