"""Executes a command as systemd does for a unit with hardening options: its system calls, its capabilities, its memory.

Run as a program: `python sandbox.py UNIT COMMAND...`. What it takes from the unit: SystemCallFilter, by the sets that
`systemd-analyze syscall-filter` knows; MemoryDenyWriteExecute; NoNewPrivileges; an empty CapabilityBoundingSet;
RestrictAddressFamilies; UMask. A call that the filter forbids fails with EPERM.
"""

from __future__ import annotations

import ctypes
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
PR_SET_MDWE = 65
MDWE_REFUSE_EXEC_GAIN = 1
SECCOMP_MODE_FILTER = 2
LAST_CAPABILITY = 40
# linux/bpf_common.h, linux/seccomp.h
LOAD, EQUALS, RETURN = 0x20, 0x15, 0x06
NUMBER, FIRST_ARGUMENT = 0, 16
ALLOW, DENY = 0x7FFF0000, 0x00050000 | 1
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
HEADERS = ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h")


def options(unit: str) -> dict[str, list[str]]:
    """The assignments of a unit; an option that is repeated has all its values."""
    found: dict[str, list[str]] = {}
    for line in Path(unit).read_text().splitlines():
        if assigned := re.fullmatch(r"(\w+)=(.*)", line):
            found.setdefault(assigned[1], []).append(assigned[2])
    return found


def sets() -> dict[str, list[str]]:
    """The sets of system calls that systemd has, by name, each with its members: calls and further sets."""
    said = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, list[str]] = {}
    name = ""
    for line in said.splitlines():
        if line.startswith("@"):
            name = line.strip()
            found[name] = []
        elif line.startswith(" ") and not line.strip().startswith("#"):
            found[name].append(line.strip())
    return found


def calls(name: str, known: dict[str, list[str]]) -> set[str]:
    """The system calls that a name stands for: itself, or the members of a set."""
    if not name.startswith("@"):
        return {name}
    return {call for member in known[name] for call in calls(member, known)}


def allowed(filters: list[str]) -> set[str]:
    """What is left after each line of SystemCallFilter, in their order: an allow list, of which others take away."""
    known = sets()
    left = calls("@default", known)
    for line in filters:
        named = {call for name in line.lstrip("~").split() for call in calls(name, known)}
        left = left - named if line.startswith("~") else left | named
    return left


def numbers() -> dict[str, int]:
    """The numbers of this machine's system calls."""
    text = next(Path(path).read_text() for path in HEADERS if os.path.exists(path))
    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", text)}


def program(names: set[str], families: list[str]) -> bytes:
    """The filter: sockets of these families alone, and these calls alone (seccomp(2))."""
    known = numbers()
    steps = [(LOAD, 0, 0, NUMBER)]
    steps += [(EQUALS, 0, 2 + len(families), known["socket"]), (LOAD, 0, 0, FIRST_ARGUMENT)]
    for left, family in reversed(list(enumerate(families, 1))):
        steps.append((EQUALS, left, 0, FAMILIES[family]))
    steps.append((RETURN, 0, 0, DENY))
    steps.append((LOAD, 0, 0, NUMBER))
    for number in sorted(known[name] for name in names if name in known):
        steps += [(EQUALS, 0, 1, number), (RETURN, 0, 0, ALLOW)]
    steps.append((RETURN, 0, 0, DENY))
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def main() -> None:
    unit, command = options(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    code = program(allowed(unit["SystemCallFilter"]), unit["RestrictAddressFamilies"][0].split())
    assert unit["CapabilityBoundingSet"] == [""]
    if os.geteuid() == 0:
        for capability in range(LAST_CAPABILITY + 1):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # and by the exec from the other sets
    assert unit["NoNewPrivileges"] == unit["MemoryDenyWriteExecute"] == ["yes"]
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    libc.prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)  # of Linux 6.3
    os.umask(int(unit["UMask"][0], 8))
    buffer = ctypes.create_string_buffer(code, len(code))
    filter_program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    assert libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_program) == 0, os.strerror(ctypes.get_errno())
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
