"""How often the kernel has killed a process of ours for want of memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT: Final = "/sys/fs/cgroup"
_MEMBERSHIP: Final = "/proc/self/cgroup"
_VERSION_2_FILE: Final = "memory.events"
_VERSION_1_FILE: Final = "memory.oom_control"
_COUNTER: Final = b"oom_kill"


class OomKills:
    """The counter of this process's control group: where the group has none itself, that of the nearest above it.

    The kernel counts a victim in its own group (and, in version 2, in all above), whichever group's limit was reached.

    Args:
        root: Where the control groups are mounted.
        membership: The file that says which groups this process is in.
    """

    def __init__(self, root: str = _ROOT, membership: str = _MEMBERSHIP) -> None:
        self._path = next((path for path in _candidates(root, _groups(membership)) if _counted(path) is not None), None)

    def count(self) -> int | None:
        """Return the kills so far, by which only a difference says something; None where nobody counts them."""
        return _counted(self._path) if self._path else None


def _groups(membership: str) -> dict[str, str]:
    """Return the path of our group in the hierarchy of version 2 (by the name "") and in that of each controller."""
    try:
        with open(membership, encoding="utf-8", errors="surrogateescape") as lines:
            parts = [line.rstrip("\n").split(":", 2) for line in lines]
    except OSError:
        return {}
    return {name: part[2] for part in parts if len(part) == 3 for name in part[1].split(",")}


def _candidates(root: str, groups: dict[str, str]) -> Iterator[str]:
    """Yield the files that may hold the counter, the most telling first."""
    # Where both versions are mounted, the memory belongs to one of them, and only there is the file.
    if "" in groups:
        for mount in (root, f"{root}/unified"):
            for group in _upwards(groups[""]):
                yield f"{mount}{group}/{_VERSION_2_FILE}"
    if "memory" in groups:
        for group in _upwards(groups["memory"]):
            yield f"{root}/memory{group}/{_VERSION_1_FILE}"


def _upwards(group: str) -> Iterator[str]:
    """Yield a group and those above it, without the last slash.

    The root comes last also because in a container it can be what is mounted there in the place of the group.
    """
    group = os.path.normpath("/" + group.strip("/")).rstrip("/")
    while group:
        yield group
        group = group.rpartition("/")[0]
    yield ""


def _counted(path: str) -> int | None:
    try:
        with open(path, "rb", buffering=0) as events:
            lines = [line.split() for line in events.read(4096).splitlines()]
    except OSError:
        return None
    return next((int(words[1]) for words in lines if len(words) == 2 and words[0] == _COUNTER), None)
