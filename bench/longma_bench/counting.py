"""How each server of the table is counted under valgrind: its own command, with what valgrind needs to bear it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from . import instructions
from .servers import Kind, Launch, Paths, Server
from .workloads import WORKLOADS

# granian hands every request to another thread, so its count moves with the scheduler.
UNCOUNTED = ("longma-access-log", "longma-gthread", "granian")


def wanted(server: Server) -> bool:
    """Whether the server's instructions are worth their time."""
    if server.kind in (Kind.FLOOR, Kind.RIVAL) or server.needs or server.program is not None:
        return False
    return server.near and server.name not in UNCOUNTED and (not server.only or "hello" in server.only)


def request(name: str) -> bytes:
    return instructions.request_bytes(instructions.REQUESTS[name])


def stripped_copy(paths: Paths, package: str) -> Path:
    """Return a folder with a copy of an installed package whose libraries hold no debug information.

    Valgrind's reader stops at the debug information of peregrine's library; the code is the same without it.
    """
    place = paths.store / "stripped"
    installed = next((paths.store / "venv/lib").glob(f"python3*/site-packages/{package}"), None)
    if installed is not None and not (place / package).exists():
        shutil.copytree(installed, place / package)
        for library in (place / package).rglob("*.so*"):
            subprocess.run(["strip", "--strip-all", str(library)], check=False, capture_output=True)
    return place


def counted(paths: Paths, server: Server) -> instructions.Counted:
    """Return how to run a server with the hello application and one worker under valgrind."""
    # The port is chosen at each run; its place is marked with a number nobody else uses in a command.
    launch = Launch(paths, WORKLOADS[0], 99999, 1)
    command = [part.replace("99999", "{port}") for part in server.command(launch)]
    if server.kind in (Kind.SUBJECT, Kind.VARIANT):
        # Valgrind is started on the interpreter, not on the script's first line.
        command = [str(paths.longma.parent / "python"), *command]
    places = [str(paths.apps)]
    if server.name == "peregrine":
        places.insert(0, str(stripped_copy(paths, "peregrine")))
    return instructions.Counted(command, paths.apps, {"PYTHONPATH": os.pathsep.join(places)})
