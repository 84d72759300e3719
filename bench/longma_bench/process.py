"""Processes from the outside: start a server pinned to a CPU, wait for its port, read its CPU time and memory, end it.

Everything a server's processes cost is read from /proc for its whole session, so masters, workers and helper threads
count whatever their parentage.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

SERVER_CPU = 0
LOAD_CPU = 1
PATIENCE = 30.0
STOP_TIMEOUT = 5.0
MAX_FILES = 65536


class ServerFailed(Exception):
    """A server did not start, or went away; the text says what it wrote last."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def pinned_to(cpu: int) -> Iterator[None]:
    """Let what is started in the block inherit that it runs on `cpu` only, and may open many files."""
    before = os.sched_getaffinity(0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(MAX_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    if cpu < (os.cpu_count() or 1):
        os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class ServerProcess:
    """A started server: its session, its port, what it costs."""

    def __init__(self, child: subprocess.Popen[bytes], port: int, log: Path, patience: float) -> None:
        self.child = child
        self.port = port
        self.log = log
        self.patience = patience  # seconds to wait for its start and for its end

    def pids(self) -> list[int]:
        """Return the processes of the server's session, all that are alive."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                # The name in parentheses may hold spaces; after the last one come state, ppid, pgrp and session.
                tail = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                if int(tail[3]) == self.child.pid and tail[0] != "Z":
                    found.append(int(entry.name))
        return found

    def cpu_ns(self) -> int:
        """Return the CPU time of every thread of the server's processes, in nanoseconds."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    with contextlib.suppress(OSError):
                        total += int((task / "schedstat").read_text().split()[0])
        return total

    def pss_mb(self) -> float:
        """Return the proportional set size of the server's processes, in MB of 1024 kB."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
        return total / 1024

    def last_words(self) -> str:
        """Return the end of what the server wrote."""
        with contextlib.suppress(OSError):
            return self.log.read_text(errors="replace")[-1500:].strip()
        return ""

    def wait_until_listening(self) -> None:
        """Return when a connection to the port succeeds.

        Raises:
            ServerFailed: the server ended, or the deadline passed.
        """
        deadline = time.monotonic() + self.patience
        exited = os.pidfd_open(self.child.pid)
        try:
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                    return
                # The pause between two tries ends at once when the server does.
                if select.select([exited], [], [], 0.02)[0]:
                    raise ServerFailed(f"it ended at the start\n{self.last_words()}")
                if time.monotonic() > deadline:
                    raise ServerFailed(f"no listener within {self.patience:.0f} s\n{self.last_words()}")
        finally:
            os.close(exited)

    def stop(self) -> None:
        """End the whole session: TERM first, KILL for what is left at the deadline."""
        self.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(max(STOP_TIMEOUT, self.patience / 4))
        self.signal(signal.SIGKILL)
        self.child.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the session."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    port: int,
    log: Path,
    cwd: Path,
    environment: Mapping[str, str],
    cpu: int = SERVER_CPU,
    patience: float = PATIENCE,
) -> Iterator[ServerProcess]:
    """Run a server, listening, for the length of the block, and end every process of it afterwards."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output, pinned_to(cpu):
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    server = ServerProcess(child, port, log, patience)
    try:
        server.wait_until_listening()
        yield server
    finally:
        server.stop()


def run_load(command: Sequence[str], environment: Mapping[str, str], timeout: float) -> str:
    """Run a load generator on the load's CPU and return what it wrote to standard output."""
    with pinned_to(LOAD_CPU):
        finished = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, **environment},
        )
    if finished.returncode != 0:
        raise ServerFailed(f"{command[0]} ended with {finished.returncode}: {finished.stderr.strip()[-400:]}")
    return finished.stdout


def busy_ticks(cpu: int) -> int:
    """Return how long `cpu` has been busy for anyone since boot, in clock ticks (1/100 s)."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, _, rest = line.partition(" ")
        if name == f"cpu{cpu}":
            user, nice, system, _idle, _wait, irq, softirq, steal = (int(v) for v in rest.split()[:8])
            return user + nice + system + irq + softirq + steal
    return 0
