"""The measured table as Markdown. Figures come from `summary`; nothing is computed here but words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .machine import Machine
from .pairs import NAPPERS, NAPS_A_SECOND, NAPS_GOAL, PAIRS, THREADED_PEERS
from .servers import THREADED
from .streams import COUNT, Streams
from .summary import (
    PEERS,
    SUBJECT,
    Instructions,
    Memory,
    Quantity,
    Results,
    delta,
    verdict,
)
from .workloads import ACCESS_LOG_GOAL_US, MEMORY_GOALS, Measure, Workload

NOTHING = "-"


@dataclass(frozen=True)
class Run:
    """All that one run of the benchmark found."""

    machine: Machine
    results: Results
    workloads: Sequence[Workload]
    servers: Sequence[str]
    memory: Memory
    streams: Mapping[str, Streams]
    instructions: Instructions
    left_out: Sequence[tuple[str, str]]


def number(value: float | None, digits: int = 1) -> str:
    """Return a figure for a cell: `digits` decimals below 100, none above."""
    if value is None:
        return NOTHING
    return f"{value:.{digits}f}" if abs(value) < 100 else f"{value:,.0f}".replace(",", " ")


def reached(is_reached: bool) -> str:
    return "reached" if is_reached else "missed"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a Markdown table, the first column to the left and the others to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _peer_list(results: Results, workload: Workload, quantity: Quantity) -> str:
    figures = [(results.figure(workload.name, peer, quantity), peer) for peer in PEERS]
    known = sorted((figure.best, figure.median, peer) for figure, peer in figures if figure is not None)
    return ", ".join(f"{peer} {number(best)}" for best, _, peer in known) or NOTHING


def _main_row(results: Results, workload: Workload) -> list[str]:
    own = results.figure(workload.name, SUBJECT, Quantity.CPU)
    raw = results.figure(workload.name, "raw", Quantity.CPU)
    comparison = results.compare(workload.name, SUBJECT, Quantity.CPU)
    judged = verdict(results, workload)
    mark = NOTHING if judged is None else "reached" if judged.reached else f"missed by {judged.missed_by:.2f}"
    return [
        workload.title,
        f"**{number(own.best)}** ({number(own.median)})" if own else NOTHING,
        number(raw.best) if raw else NOTHING,
        _peer_list(results, workload, Quantity.CPU),
        f"**{comparison.ratio:.2f}** ({comparison.median_ratio:.2f})" if comparison else NOTHING,
        NOTHING if workload.goal is None else f"{workload.goal:.2f}",
        mark,
    ]


def main_table(run: Run) -> list[str]:
    """Return the table of CPU time per request, a row a workload."""
    rows = [_main_row(run.results, w) for w in run.workloads if w.measure is Measure.CPU and not w.private]
    if not rows:
        return []
    head = ["workload (wrk -c64)", "longma", "raw C", "peers", "ratio to the best peer", "goal", ""]
    text = (
        "Server CPU, µs per request: minimum over the rounds (median in parentheses). The ratio is of minima, in "
        "parentheses of medians."
    )
    return ["## Server CPU per request", "", text, "", *table(head, rows)]


def mixed_table(run: Run) -> list[str]:
    """Return the table of the open-loop workload, a row a server."""
    lines: list[str] = []
    for workload in (w for w in run.workloads if w.measure is Measure.FAST_P99):
        rows = []
        for server in run.servers:
            p99 = run.results.figure(workload.name, server, Quantity.P99)
            p999 = run.results.figure(workload.name, server, Quantity.P999)
            cpu = run.results.figure(workload.name, server, Quantity.CPU)
            if p99 and p999 and cpu:
                rows.append([server, number(p99.best), number(p99.median), number(p999.median), number(cpu.best)])
        judged = verdict(run.results, workload)
        goal = f"Goal: at most {workload.goal} ms"
        if judged is not None:
            goal += f"; longma's median: {number(judged.value)} ms, {reached(judged.reached)}"
        text = (
            "An open loop of 300 requests a second at random moments over 32 connections; latency of the fast ones, "
            f"counted from the moment each fell due. {goal}."
        )
        head = ["server", "p99 ms, best round", "p99 ms, median", "p99.9 ms, median", "CPU µs per request"]
        lines += [f"## {workload.title}", "", text, "", *table(head, rows)]
    return lines


def uncached_table(run: Run) -> list[str]:
    """Return what longma costs where nothing repeats, beside what it costs with the head cache."""
    pairs = (("hello", "hello-differ"), ("headers", "headers-differ"))
    rows = []
    for same, differ in pairs:
        for workload, server, title in (
            (same, SUBJECT, f"{same}, the same request again and again"),
            (same, "longma-no-head-cache", f"{same}, with --no-head-cache"),
            (differ, SUBJECT, f"{same}, requests that differ"),
        ):
            compared = run.results.compare(workload, server, Quantity.CPU)
            if compared:
                own, peer = compared.figure, compared.peer_figure
                best = f"{compared.peer} {number(peer.best)}"
                rows.append([title, f"{number(own.best)} ({number(own.median)})", best, f"{compared.ratio:.2f}"])
    if not rows:
        return []
    text = (
        "Load tools repeat themselves, and a connection that repeats its header block is cheaper to serve. Requests "
        "that differ have another path and another value of one field (X-Request-Id; Cookie) each time."
    )
    head = ["request", "longma, CPU µs", "best peer", "ratio"]
    return ["## Without the repeated-header cache", "", text, "", *table(head, rows)]


def threads_table(run: Run) -> list[str]:
    """Return what the gthread worker costs, beside the sync one and the best peer with threads."""
    rows = []
    for workload in THREADED:
        own = run.results.figure(workload, "longma-gthread", Quantity.CPU)
        peers = [run.results.figure(workload, peer, Quantity.CPU) for peer in THREADED_PEERS]
        if own is not None:
            best = min((peer.best for peer in peers if peer is not None), default=None)
            ratio = f"{own.best / best:.2f}" if best else NOTHING
            rows.append(
                [workload, f"{number(own.best)} ({number(own.median)})", number(best) if best else NOTHING, ratio]
            )
    if not rows:
        return []
    text = "The gthread worker with 8 threads, beside the best peer that calls applications in threads."
    return ["## Threads", "", text, "", *table(["workload", "longma-gthread, CPU µs", "best peer", "ratio"], rows)]


def pairs_table(run: Run) -> list[str]:
    """Return each model and each front of longma beside its rivals."""
    rows = []
    for pair in PAIRS:
        found = pair.ratio(run.results)
        if found is not None:
            own, rival, best, ratio = found
            is_reached = pair.reached(ratio)
            mark = NOTHING if is_reached is None else reached(is_reached)
            goal = NOTHING if pair.goal is None else f"{pair.goal:.2f}"
            rows.append([pair.title, number(own), f"{rival} {number(best)}", f"{ratio:.2f}", goal, mark])
    if not rows:
        return []
    text = (
        "Server CPU, µs per request, where nothing else is said; behind nginx, that of nginx with it. The best round "
        "of each, and the ratio to the best rival: at most the goal for CPU time, at least for requests a second."
    )
    head = ["row", "longma", "best rival", "ratio", "goal", ""]
    return ["## Worker classes, TLS, static files, nginx", "", text, "", *table(head, rows), *naps(run)]


def naps(run: Run) -> list[str]:
    """Return how much of the time of eight threads that wait is used."""
    told = []
    for server in NAPPERS:
        figure = run.results.figure("sleep", server, Quantity.RATE)
        if figure is not None:
            told.append(f"{server} {figure.best / NAPS_A_SECOND:.1%}")
    if not told:
        return []
    words = f"8 threads whose application sleeps 20 ms could answer {NAPS_A_SECOND:.0f} requests a second"
    return [f"{words}; of these: {', '.join(told)}. Goal: {NAPS_GOAL:.0%}.", ""]


def access_log_lines(run: Run) -> list[str]:
    """Return what the access log adds."""
    added = delta(run.results, "hello", "longma-access-log", SUBJECT)
    if added is None:
        return []
    mark = reached(added[0] <= ACCESS_LOG_GOAL_US)
    text = f"Hello with the access log on (a file): {added[0]:+.2f} µs (medians: {added[1]:+.2f})."
    return ["## Access log", "", f"{text} Goal: at most {ACCESS_LOG_GOAL_US:+.1f}: {mark}.", ""]


def memory_table(run: Run) -> list[str]:
    """Return idle memory, a row a server."""
    if not run.memory:
        return []
    counts = [workers for workers, _ in MEMORY_GOALS]
    rows = []
    for server in run.servers:
        values = [run.memory.get((server, workers)) for workers in counts]
        if any(values):
            rows.append([server, *(number(value) if value else NOTHING for value in values)])
    text = "MB of proportional set size of all processes, with the hello application and no request made."
    for workers, goal in MEMORY_GOALS:
        own = run.memory.get((SUBJECT, workers))
        if own is not None:
            text += f" Goal for {workers}: {goal:.0f}: {reached(0 < round(own, 1) <= goal)}."
    head = ["server", *(f"{workers} worker{'s' if workers > 1 else ''}" for workers in counts)]
    return ["## Idle memory", "", text, "", *table(head, rows)]


def streams_table(run: Run) -> list[str]:
    """Return what many open streams cost, a row a server."""
    rows = [
        [name, str(found.count), number(found.kb_each), number(found.mb), number(found.cpu_us)]
        for name, found in run.streams.items()
        if not found.fault
    ]
    if not rows:
        return []
    text = (
        f"One worker, {COUNT} clients, an event a second for each of them: streams on which events came, memory for "
        "each, and of all processes together, and server CPU. longma-threads has a thread a stream, from its start."
    )
    head = ["server", "streams", "KB each", "MB in all", "CPU µs an event"]
    return ["## Open streams", "", text, "", *table(head, rows)]


def instructions_table(run: Run) -> list[str]:
    """Return instruction counts, a row a server."""
    if not run.instructions:
        return []
    names = list(dict.fromkeys(server for server, _ in run.instructions))
    rows = [
        [name, *(number(run.instructions.get((name, request)), 0) for request in ("hello", "headers"))]
        for name in names
    ]
    text = "User space only, counted by callgrind as the difference of two runs; one keep-alive connection."
    head = ["server", "hello (2 header fields)", "browser (15 header fields)"]
    return ["## Instructions per request", "", text, "", *table(head, rows)]


def detail_tables(run: Run) -> list[str]:
    """Return every quantity of every server, a table a workload, folded away."""
    quantities = (Quantity.CPU, Quantity.RATE, Quantity.P99, Quantity.MEMORY)
    lines = ["## Everything", "", "Best round of each (median), and its ratio to the best peer of the same column.", ""]
    for workload in (w for w in run.workloads if w.measure is Measure.CPU and not w.private):
        rows = []
        for server in run.servers:
            compared = [run.results.compare(workload.name, server, quantity) for quantity in quantities]
            if not any(compared):
                continue
            row = [server]
            for one in compared:
                row += (
                    [f"{number(one.figure.best)} ({number(one.figure.median)})", f"{one.ratio:.2f}"]
                    if one
                    else ["", ""]
                )
            rows.append(row)
        head = ["server", "CPU µs", "×", "requests/s", "×", "p99 ms", "×", "PSS MB", "×"]
        lines += [f"<details><summary>{workload.title}</summary>", "", *table(head, rows), "</details>", ""]
    return lines


def caveats(run: Run) -> list[str]:
    """Return what a reader should know before believing the figures."""
    lines = ["## Caveats", ""]
    busiest = run.results.busiest_neighbours()
    lines.append(f"- Other programs took at most {busiest:.0%} of the server's CPU during a round that counts.")
    lines += [f"- Left out: {name}: {reason}." for name, reason in run.left_out]
    for name, found in run.streams.items():
        if found.fault:
            lines.append(f"- No streams: {name}: {found.fault}.")
    for sample in run.results.faults():
        lines.append(f"- Not counted: {sample.server} on {sample.workload}, round {sample.round + 1}: {sample.faults}.")
    lines.append(
        "- gunicorn-gthread, uwsgi and waitress are measured in the first round only: they are never the best."
    )
    lines.append("- uwsgi serves one connection per process, so under -c64 it really serves one client.")
    lines.append("- Each server and wrk have one CPU each; absolute times drift with the machine, ratios hold.")
    return [*lines, ""]


def markdown(run: Run, notes: str) -> str:
    """Return the whole page; `notes` is what a person wrote about the missed goals."""
    lines = ["# Measured", "", *run.machine.lines(), "", *main_table(run), *mixed_table(run), *uncached_table(run)]
    lines += [
        *threads_table(run),
        *pairs_table(run),
        *access_log_lines(run),
        *memory_table(run),
        *streams_table(run),
        *instructions_table(run),
    ]
    if notes.strip():
        lines += [notes.strip(), ""]
    lines += [*caveats(run), *detail_tables(run)]
    return "\n".join(lines).rstrip() + "\n"
