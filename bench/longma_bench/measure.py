"""One measurement: start a server, see that it answers rightly, load it, read what it cost, end it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass

from . import workloads
from .handshakes import run_s_time
from .multiplexed import run_h2load
from .process import SERVER_CPU, ServerFailed, ServerProcess, busy_ticks, run_load, running
from .servers import Kind, Launch, Paths, Server
from .workloads import Measure, Workload

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """What one server cost on one workload in one round."""

    server: str
    workload: str
    round: int
    requests: int
    rate: float  # requests a second
    cpu_us: float  # server CPU per request, µs
    p99_ms: float  # of all requests; of the fast ones where the workload is mixed
    p999_ms: float  # mixed workload only, else 0
    pss_mb: float  # right after the load, connections still warm
    others: float  # share of the server's CPU that went to other programs meanwhile
    faults: str = ""  # what makes this round invalid; empty when nothing does

    @property
    def valid(self) -> bool:
        return not self.faults


def invalid(server: Server, workload: Workload, number: int, faults: str) -> Sample:
    """Return the sample of a round that gave nothing to compare."""
    return Sample(server.name, workload.name, number, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, faults)


def python_path(paths: Paths, server: Server, workload: Workload) -> str:
    """Return PYTHONPATH for a server: the applications, and for longma the peers' packages where it needs some."""
    places = [str(paths.apps)]
    if server.is_ours and (server.needs or workload.application.startswith("flask")):
        places += [str(place) for place in (paths.store / "venv/lib").glob("python3*/site-packages")]
    return os.pathsep.join(places)


@contextlib.contextmanager
def started(paths: Paths, server: Server, workload: Workload, port: int, workers: int) -> Iterator[ServerProcess]:
    """Run `server` with the workload's application for the length of the block."""
    launch = Launch(paths, workload, port, workers)
    with running(
        server.command(launch),
        port=port,
        log=paths.store / "logs" / f"{server.name}-{workload.name}.log",
        cwd=paths.apps,
        environment={"PYTHONPATH": python_path(paths, server, workload), "PYTHONHASHSEED": "0"},
    ) as process:
        yield process


def check_answer(workload: Workload, port: int, *, floor: bool) -> str:
    """Ask once as the load will ask. Returns what is wrong with the answer, empty when nothing is."""
    connection = connection_to(workload, port)
    try:
        body = b"x" * workload.request_body_bytes if workload.request_body_bytes else None
        connection.request(workload.method, workload.path, body=body, headers=dict(workload.fields))
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return f"no answer: {error!r}"
    finally:
        connection.close()
    if answer.status != 200:
        return f"status {answer.status}"
    if not floor and not workload.right_answer(content):
        return f"a wrong body of {len(content)} bytes"
    return ""


def connection_to(workload: Workload, port: int) -> http.client.HTTPConnection:
    """Return a connection that is yet to be made."""
    if workload.scheme == "http":
        return http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    context = ssl._create_unverified_context()  # the certificate is signed by nobody
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)


def wrk_command(paths: Paths, workload: Workload, port: int, seconds: int) -> list[str]:
    """Return the command that loads `port` as the workload says."""
    script, arguments = "same.lua", [workload.method, str(workload.request_body_bytes)]
    if workload.differing_field is not None:
        script, arguments = "differing.lua", [workload.differing_field]
    command = ["wrk", "-t1", f"-c{workload.connections}", f"-d{seconds}s", "--timeout", "10s"]
    for name, value in workload.fields:
        command += ["-H", f"{name}: {value}"]
    url = f"{workload.scheme}://127.0.0.1:{port}{workload.path}"
    return [*command, "-s", str(paths.bench / "load/wrk" / script), url, "--", *arguments]


def run_wrk(paths: Paths, workload: Workload, port: int, seconds: int) -> dict[str, float]:
    """Run wrk and return the object its script prints."""
    environment = {"LONGMA_BENCH_LUA": str(paths.bench / "load/wrk")}
    output = run_load(wrk_command(paths, workload, port, seconds), environment, timeout=seconds + 30)
    found: dict[str, float] = json.loads(output.strip().splitlines()[-1])
    return found


def wrk_faults(found: dict[str, float]) -> str:
    """Return what in wrk's account makes the round invalid."""
    kinds = ("connect", "read", "write", "status", "timeout")
    faults = [f"{int(found[kind])} {kind} errors" for kind in kinds if found.get(kind)]
    if not found["requests"]:
        faults.append("no request was answered")
    return ", ".join(faults)


def run_poisson(paths: Paths, port: int, number: int) -> dict[str, float]:
    """Run the open-loop load of the mixed workload; every server of a round gets the same moments."""
    command = [str(paths.poisson), str(port), str(workloads.MIXED_RATE), str(workloads.MIXED_SECONDS)]
    command += [str(workloads.MIXED_CONNECTIONS), str(workloads.MIXED_SLOW_SHARE), str(number)]
    found: dict[str, float] = json.loads(run_load(command, {}, timeout=workloads.MIXED_SECONDS + 30))
    return found


@dataclass(frozen=True)
class Cost:
    """What a server's processes cost while something ran."""

    cpu_ns: int
    others: float


class Meter:
    """Reads the CPU time of a server, and of everyone else on its CPU, between two moments."""

    def __init__(self, process: ServerProcess) -> None:
        self.process = process
        self.cpu_ns = process.cpu_ns()
        self.busy = busy_ticks(SERVER_CPU)
        self.at = time.monotonic()

    def read(self) -> Cost:
        spent = self.process.cpu_ns() - self.cpu_ns
        window = time.monotonic() - self.at
        busy = (busy_ticks(SERVER_CPU) - self.busy) / TICKS_PER_SECOND
        return Cost(spent, max(0.0, (busy - spent / 1e9) / window))


def load_closely(
    process: ServerProcess, paths: Paths, server: Server, workload: Workload, number: int, seconds: int
) -> Sample:
    # No warm-up of its own: what is cold is warm after some ms of some seconds.
    meter = Meter(process)
    if workload.measure is Measure.HANDSHAKES:
        found = run_s_time(workload, process.port, seconds)
    elif workload.measure is Measure.MULTIPLEXED:
        found = run_h2load(workload, process.port, seconds)
    else:
        found = run_wrk(paths, workload, process.port, seconds)
    cost = meter.read()
    requests = max(1, int(found["requests"]))
    return Sample(
        server.name,
        workload.name,
        number,
        requests=int(found["requests"]),
        rate=found["requests"] / found["seconds"],
        cpu_us=cost.cpu_ns / 1e3 / requests,
        p99_ms=found["p99_ms"],
        p999_ms=0.0,
        pss_mb=process.pss_mb(),
        others=cost.others,
        faults=wrk_faults(found),
    )


def load_by_poisson(process: ServerProcess, paths: Paths, server: Server, workload: Workload, number: int) -> Sample:
    settle(process)  # all workers are up before the first request falls due
    meter = Meter(process)
    found = run_poisson(paths, process.port, number)
    cost = meter.read()
    answered = max(1, int(found["answered"]))
    faults = f"{int(found['errors'])} errors" if found["errors"] else ""
    return Sample(
        server.name,
        workload.name,
        number,
        requests=int(found["answered"]),
        rate=found["answered"] / workloads.MIXED_SECONDS,
        cpu_us=cost.cpu_ns / 1e3 / answered,
        p99_ms=found["p99_ms"],
        p999_ms=found["p999_ms"],
        pss_mb=process.pss_mb(),
        others=cost.others,
        faults=faults,
    )


def measure(paths: Paths, server: Server, workload: Workload, number: int, seconds: int, port: int) -> Sample:
    """Run one server on one workload once."""
    try:
        with started(paths, server, workload, port, workload.workers) as process:
            trouble = check_answer(workload, port, floor=server.kind is Kind.FLOOR)
            if trouble:
                return invalid(server, workload, number, trouble)
            if workload.measure is Measure.FAST_P99:
                return load_by_poisson(process, paths, server, workload, number)
            return load_closely(process, paths, server, workload, number, seconds)
    except (ServerFailed, TimeoutError, ValueError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [repr(error)]
        return invalid(server, workload, number, ": ".join(dict.fromkeys((lines[0], lines[-1]))))
    finally:
        paths.access_log.unlink(missing_ok=True)


def settle(process: ServerProcess, timeout: float = 15.0) -> float:
    """Return the memory of an idle server once it has stopped changing: five readings within 1 %, 0.2 s apart."""
    deadline = time.monotonic() + timeout
    readings: list[float] = []
    while time.monotonic() < deadline:
        readings = [*readings[-4:], process.pss_mb()]
        if len(readings) == 5 and max(readings) - min(readings) <= 0.01 * max(readings):
            break
        select.select([], [], [], 0.2)
    return readings[-1]


def idle_memory(paths: Paths, server: Server, workers: int, port: int) -> float:
    """Return MB of PSS of a server that runs a bare application and has nothing to do; 0 when it did not start."""
    try:
        with started(paths, server, workloads.WORKLOADS[0], port, workers) as process:
            return settle(process)
    except ServerFailed:
        return 0.0
