"""The command line of the benchmark and the order in which things are measured."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from . import chart, counting, instructions, profile, report
from .contestants import SERVERS
from .machine import this_machine
from .measure import Sample, idle_memory, measure
from .prepare import CannotMeasure, Ground, need_program, prepare, python_version
from .process import LOAD_CPU, free_port, pinned_to
from .progress import Progress
from .servers import Kind, Paths, Server
from .streams import Streams, measure_streams, streaming
from .summary import Instructions, Memory, Results, order_for_round
from .workloads import MEMORY_GOALS, MIXED_SECONDS, WORKLOADS, Measure, Workload

BENCH = Path(__file__).resolve().parent.parent
REPOSITORY = BENCH.parent
Row = TypeVar("Row", Workload, Server)
OVERHEAD_SECONDS = 0.4  # starting and ending a server, about


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options, checked."""
    parser = argparse.ArgumentParser(
        prog="bench/run.py",
        description="Compare longma with other servers, one worker on one CPU, in interleaved rounds. A whole run "
        "writes bench/RESULTS.md and bench/results.svg; one narrowed by --only or --servers prints its table.",
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all workloads (default 5)")
    parser.add_argument("--seconds", type=int, default=3, help="seconds of load a measurement (default 3)")
    parser.add_argument(
        "--only", default="", help="workloads, comma-separated: " + ", ".join(w.name for w in WORKLOADS)
    )
    parser.add_argument("--servers", default="", help="servers, comma-separated: " + ", ".join(s.name for s in SERVERS))
    parser.add_argument("--longma", type=Path, default=REPOSITORY / ".venv/bin/longma", help="the longma to measure")
    parser.add_argument("--no-memory", action="store_true", help="leave out the idle memory")
    parser.add_argument("--no-streams", action="store_true", help="leave out the open streams")
    parser.add_argument("--no-instructions", action="store_true", help="leave out the instruction counts")
    parser.add_argument(
        "--profile",
        choices=tuple(instructions.REQUESTS),
        help="only say where the instructions of longma, or of the variant named by --servers, go",
    )
    options = parser.parse_args(arguments)
    options.workloads = _chosen(parser, options.only, {w.name: w for w in WORKLOADS})
    options.contestants = _chosen(parser, options.servers, {s.name: s for s in SERVERS})
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds are at least 1")
    return options


def _chosen(parser: argparse.ArgumentParser, text: str, table: Mapping[str, Row]) -> tuple[Row, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()] or list(table)
    for name in names:
        if name not in table:
            parser.error(f"unknown name {name!r}; known: {', '.join(table)}")
    return tuple(entry for name, entry in table.items() if name in names)


def planned(options: argparse.Namespace, servers: Sequence[Server]) -> list[tuple[int, Workload, Server]]:
    """Return what is measured, in order: rounds, in them workloads, in them servers."""
    plan = []
    by_name = {server.name: server for server in servers}
    for number in range(options.rounds):
        for workload in options.workloads:
            for name in order_for_round(list(by_name), number):
                server = by_name[name]
                if server.takes(workload) and server.runs_in_round(workload, number):
                    plan.append((number, workload, server))
    return plan


def seconds_of(workload: Workload, seconds: int) -> float:
    """Return about how long one measurement takes."""
    return OVERHEAD_SECONDS + (MIXED_SECONDS + 1 if workload.measure is Measure.FAST_P99 else seconds)


def describe(sample: Sample, workload: Workload) -> str:
    """Return one measurement as a line for the terminal."""
    if not sample.valid:
        return sample.faults
    text = f"{sample.cpu_us:8.2f} µs  {sample.rate:9.0f}/s  p99 {sample.p99_ms:8.2f} ms  {sample.pss_mb:6.1f} MB"
    return f"{text}  (others {sample.others:.0%})" if sample.others > 0.1 else text


def measure_all(options: argparse.Namespace, paths: Paths, servers: Sequence[Server], progress: Progress) -> Results:
    """Run the plan and return every sample."""
    plan = planned(options, servers)
    progress.plan(sum(seconds_of(workload, options.seconds) for _, workload, _ in plan))
    samples = []
    shown: tuple[int, str] | None = None
    for number, workload, server in plan:
        if shown != (number, workload.name):
            progress.heading(f"round {number + 1} of {options.rounds}: {workload.title}")
            shown = (number, workload.name)
        sample = measure(paths, server, workload, number, options.seconds, free_port())
        cost = seconds_of(workload, options.seconds)
        progress.result(server.name, describe(sample, workload), good=sample.valid, cost_seconds=cost)
        samples.append(sample)
    return Results(samples)


def measure_memory(paths: Paths, servers: Sequence[Server], progress: Progress) -> Memory:
    """Return the idle memory of every server that runs Python."""
    progress.heading("idle memory")
    memory: dict[tuple[str, int], float] = {}
    for server in servers:
        if server.kind not in (Kind.SUBJECT, Kind.PEER):
            continue
        for workers, _ in MEMORY_GOALS:
            if workers == 1 or server.prefork:
                memory[server.name, workers] = idle_memory(paths, server, workers, free_port())
        shown = (
            f"{memory[server.name, workers]:.1f} MB ({workers})"
            for workers, _ in MEMORY_GOALS
            if (server.name, workers) in memory
        )
        progress.result(server.name, "  ".join(shown))
    return memory


def measure_open_streams(paths: Paths, servers: Sequence[Server], progress: Progress) -> dict[str, Streams]:
    """Return what many streams at once cost, by the server's name."""
    progress.heading("open streams")
    found = {}
    for server, application in streaming(list(servers)):
        found[server.name] = streams = measure_streams(paths, server, application, free_port())
        memory = f"{streams.kb_each:6.1f} KB each  {streams.mb:6.1f} MB"
        text = f"{streams.count:5} streams  {memory}  {streams.cpu_us:6.1f} µs an event"
        progress.result(server.name, streams.fault or text, good=not streams.fault)
    return found


def count_all(paths: Paths, ground: Ground, servers: Sequence[Server], progress: Progress) -> Instructions:
    """Return instruction counts of the servers that are near, and of longma without its cache."""
    progress.heading("instructions per request")
    need_program("valgrind", "valgrind")
    counts: dict[tuple[str, str], float] = {}
    for server in servers:
        if not counting.wanted(server):
            continue
        for request in instructions.REQUESTS:
            try:
                value = instructions.count(counting.counted(paths, server), counting.request(request))
            except instructions.CannotCount as error:
                reason = str(error).splitlines()[-1]
                ground.left_out[f"{server.name} (instructions of {request})"] = reason
                progress.result(server.name, reason, good=False)
                continue
            counts[server.name, request] = value
            progress.result(server.name, f"{request:8} {value:8.0f}")
    return counts


def write(run: report.Run, whole: bool, paths: Paths, progress: Progress) -> None:
    """Write the page and the chart where they are committed, or beside the logs when the run was a part only."""
    place = paths.bench if whole else paths.store
    notes = (paths.bench / "notes.md").read_text() if whole and (paths.bench / "notes.md").exists() else ""
    page = report.markdown(run, notes)
    (place / "RESULTS.md").write_text(page)
    (place / "results.svg").write_text(chart.svg(run.results, run.workloads))
    (paths.store / "samples.json").write_text(json.dumps([asdict(sample) for sample in run.results.samples], indent=1))
    if not whole:
        print(page)
    progress.note(
        f"{place.name}/RESULTS.md and {place.name}/results.svg are written, {progress.elapsed() / 60:.1f} minutes"
    )


def run_benchmark(options: argparse.Namespace, command: str, progress: Progress) -> None:
    """Prepare, measure, write."""
    paths = Paths(BENCH, REPOSITORY / ".bench", options.longma.absolute())
    ground = prepare(paths, options.contestants, progress)
    if options.profile:
        need_program("valgrind", "valgrind")
        own = (server for server in options.contestants if server.kind in (Kind.SUBJECT, Kind.VARIANT))
        server = next(own, next(server for server in SERVERS if server.kind is Kind.SUBJECT))
        print(profile.profile(counting.counted(paths, server), counting.request(options.profile)))
        return
    servers = [server for server in options.contestants if ground.has(server)]
    whole = len(options.workloads) == len(WORKLOADS) and len(options.contestants) == len(SERVERS)
    whole = (
        whole
        and not (options.no_memory or options.no_streams or options.no_instructions)
        and "longma" not in ground.left_out
    )
    memory = {} if options.no_memory else measure_memory(paths, servers, progress)
    streams = {} if options.no_streams else measure_open_streams(paths, servers, progress)
    counts = {} if options.no_instructions else count_all(paths, ground, servers, progress)
    results = measure_all(options, paths, servers, progress)
    machine = this_machine(command, python_version(paths), ground.versions)
    names = [server.name for server in servers]
    left_out = sorted(ground.left_out.items())
    write(
        report.Run(machine, results, options.workloads, names, memory, streams, counts, left_out),
        whole,
        paths,
        progress,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark. Returns the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parse(given)
    progress = Progress()
    try:
        with pinned_to(LOAD_CPU):  # so that this program never takes the server's CPU
            run_benchmark(options, " ".join(["python bench/run.py", *given]), progress)
    except CannotMeasure as error:
        progress.warn(str(error))
        return 1
    except KeyboardInterrupt:
        progress.warn("interrupted; nothing is written")
        return 130
    return 0
