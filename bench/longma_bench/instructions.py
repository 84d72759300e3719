"""User-space instructions of one request, counted by callgrind.

A server runs under valgrind and answers exactly N keep-alive requests on one connection, once with a small N and once
with a large one. What start and end cost is the same in both, so the difference divided by the difference of N is the
cost of one request. Unlike time it does not depend on the machine's mood, so a test can hold a budget to it.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .process import LOAD_CPU, ServerFailed, free_port, running
from .workloads import BROWSER_FIELDS

FEW = 500
MANY = 4500
ANSWER_TIMEOUT = 120.0

HELLO_FIELDS = (("User-Agent", "instructions"),)
MANY_FIELDS = (*BROWSER_FIELDS, ("Cookie", "session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; seen=1700000000"))

# Name -> fields beside Host: hello has 2 with it, headers 15.
REQUESTS: Mapping[str, tuple[tuple[str, str], ...]] = {"hello": HELLO_FIELDS, "headers": MANY_FIELDS}


@dataclass(frozen=True)
class Counted:
    """A server command to count: what to run, where, with which environment."""

    command: Sequence[str]  # with {port} where the port goes
    cwd: Path
    environment: Mapping[str, str]


class CannotCount(Exception):
    """The server did not run under valgrind, or did not answer; the text says more."""


def request_bytes(fields: Sequence[tuple[str, str]]) -> bytes:
    """Return a GET request for / with Host and the given fields."""
    lines = ["GET / HTTP/1.1", "Host: 127.0.0.1:8000", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _answer_end(received: bytes) -> int:
    """Return where the answer ends, or 0 while its head is incomplete."""
    head_end = received.find(b"\r\n\r\n")
    if head_end < 0:
        return 0
    for line in received[:head_end].split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return head_end + 4 + int(value)
    raise CannotCount("the answer has no Content-Length")


def ask(port: int, request: bytes, times: int) -> None:
    """Send the request `times` times on one connection, each after the answer to the one before.

    Raises:
        CannotCount: an answer is not 200, or the connection ended before the last answer.
    """
    with socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(times):
            connection.sendall(request)
            received = connection.recv(65536)
            while not (end := _answer_end(received)) or len(received) < end:
                more = connection.recv(65536)
                if not more:
                    raise CannotCount("the server closed the connection")
                received += more
            if received[8:12] != b" 200":
                raise CannotCount(f"the server answered {received[:40]!r}")


def total_of(file: Path) -> int:
    """Return the instructions a callgrind output file tells of."""
    for line in reversed(file.read_text(errors="replace").splitlines()):
        if line.startswith(("totals:", "summary:")):
            return int(line.split()[1])
    return 0


def run_counted(counted: Counted, request: bytes, times: int, into: Path) -> None:
    """Serve exactly `times` requests under callgrind, which writes one file a process into `into`.

    Raises:
        CannotCount: the server did not start or did not answer.
    """
    port = free_port()
    valgrind = [shutil.which("valgrind") or "valgrind", "--tool=callgrind", "--trace-children=yes"]
    command = [part.replace("{port}", str(port)) for part in counted.command]
    # The files' names hold the process's number; a child made by fork writes one of its own.
    try:
        with running(
            [*valgrind, f"--callgrind-out-file={into}/%p", *command],
            port=port,
            log=into.parent / f"{into.name}.log",
            cwd=counted.cwd,
            environment={"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", **counted.environment},
            cpu=LOAD_CPU,
            patience=ANSWER_TIMEOUT,
        ):
            ask(port, request, times)
    except (ServerFailed, OSError) as error:
        raise CannotCount(str(error)) from error


def count(counted: Counted, request: bytes, *, few: int = FEW, many: int = MANY) -> float:
    """Return the user-space instructions of one request.

    Raises:
        CannotCount: the server did not start or did not answer.
    """
    totals = []
    with tempfile.TemporaryDirectory(prefix="longma-instructions-") as place:
        for times in (few, many):
            into = Path(place) / str(times)
            into.mkdir()
            run_counted(counted, request, times, into)
            totals.append(sum(total_of(file) for file in into.iterdir()))
    if min(totals) == 0:
        raise CannotCount("valgrind wrote no counts")
    return (totals[1] - totals[0]) / (many - few)
