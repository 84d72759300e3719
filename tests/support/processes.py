"""What /proc says of processes: children, descriptors, memory, state."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from tests.support.http import Client


class Process(NamedTuple):
    """One line of /proc: who it is, whose child, in which session, and its state letter (Z is a zombie)."""

    pid: int
    parent: int
    session: int
    state: str
    command: str


def process(pid: int) -> Process | None:
    """The process with this number, or None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command stands in parentheses and may itself hold any character.
    command = text[text.index("(") + 1 : text.rindex(")")]
    state, parent, _group, session = text[text.rindex(")") + 2 :].split()[:4]
    return Process(pid, int(parent), int(session), state, command)


def processes() -> list[Process]:
    """Every process there is now."""
    found = (process(int(name)) for name in os.listdir("/proc") if name.isdecimal())
    return [one for one in found if one is not None]


def children(pid: int) -> list[int]:
    """The numbers of the living children of a process, oldest first."""
    return sorted(one.pid for one in processes() if one.parent == pid and one.state != "Z")


def in_session(session: int) -> list[Process]:
    """Every process of a session, zombies included."""
    return [one for one in processes() if one.session == session]


def is_alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    one = process(pid)
    return one is not None and one.state != "Z"


def descriptors(pid: int) -> dict[int, str]:
    """What each open descriptor of the process is: `socket:[123]`, a path, `anon_inode:[eventpoll]`."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed between the listing and the look
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
    return found


def sockets(pid: int) -> int:
    """How many sockets the process has open."""
    return sum(1 for what in descriptors(pid).values() if what.startswith("socket:"))


def holds(pid: int, client: Client) -> bool:
    """Whether the process has the other end of this TCP connection."""
    here, there = client.ends
    table = "/proc/net/tcp6" if ":" in here[0] else "/proc/net/tcp"
    for line in Path(table).read_text().splitlines()[1:]:
        _, local, remote, *rest = line.split()
        if int(local.split(":")[1], 16) == there[1] and int(remote.split(":")[1], 16) == here[1]:
            return f"socket:[{rest[6]}]" in descriptors(pid).values()
    return False


def own_bytes(pid: int) -> int:
    """The process's proportional share of the memory that is no file's: what does not depend on who else runs."""
    words = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
    return sum(int(word[1]) * 1024 for word in words if word[0] in ("Pss_Anon:", "Pss_Shmem:"))


def file_bytes(pid: int) -> int:
    """What the process has mapped of programs and libraries, whoever else has it mapped, too."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssFile:"))


def resident_bytes(pid: int) -> int:
    """The process's resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_resident_bytes(pid: int) -> int:
    """The most memory the process has ever had resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no VmHWM line for {pid}")
