"""A small SVG chart: every server's CPU time per request as a ratio to the best peer, a line a workload."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from .summary import PEERS, SUBJECT, Quantity, Results
from .workloads import Measure, Workload

WIDTH = 860
LEFT = 300
RIGHT = 64
TOP = 58
ROW = 28
FONT = 'font-family="sans-serif" font-size="12"'
LOWEST, HIGHEST = 0.35, 8.0
TICKS = (0.5, 0.7, 1, 1.5, 2, 4, 8)

INK, FAINT, GRID, OWN = "#333", "#777", "#ddd", "#c8102e"
PEER_COLOURS = ("#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#7f7f7f", "#bcbd22", "#17becf")


def place(ratio: float) -> float:
    """Return the x of a ratio on the logarithmic axis; what lies beyond its ends is put at the end."""
    inside = min(max(ratio, LOWEST), HIGHEST)
    share = math.log(inside / LOWEST) / math.log(HIGHEST / LOWEST)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = INK, weight: str = "normal") -> str:
    style = f'text-anchor="{anchor}" fill="{colour}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'


def _axis(bottom: float) -> list[str]:
    lines = []
    for tick in TICKS:
        x = place(tick)
        stroke = "#999" if tick == 1 else GRID
        lines.append(f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom}" stroke="{stroke}"/>')
        lines.append(_text(x, bottom + 16, f"{tick:g}×", anchor="middle", colour=FAINT))
    return lines


def _legend(peers: Sequence[str]) -> list[str]:
    lines, x = [], 150.0
    for name, colour in ((SUBJECT, OWN), *zip(peers, PEER_COLOURS, strict=False)):
        lines.append(f'<circle cx="{x:.1f}" cy="36" r="4" fill="{colour}"/>')
        lines.append(_text(x + 8, 40, name, colour=FAINT))
        x += 26 + 6.4 * len(name)
    return lines


def _row(results: Results, workload: Workload, peers: Sequence[str], y: float) -> list[str]:
    best = results.best_peer(workload.name, Quantity.CPU)
    lines = [_text(LEFT - 12, y + 4, workload.title, anchor="end")]
    if best is None:
        return lines
    if workload.goal is not None:
        x = place(workload.goal)
        lines.append(
            f'<line x1="{x:.1f}" y1="{y - 9:.1f}" x2="{x:.1f}" y2="{y + 9:.1f}" stroke="{OWN}" stroke-width="2"/>'
        )
    for peer, colour in zip(peers, PEER_COLOURS, strict=False):
        figure = results.figure(workload.name, peer, Quantity.CPU)
        if figure is not None:
            x = place(figure.best / best[1].best)
            lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}" fill-opacity="0.75"/>')
    own = results.compare(workload.name, SUBJECT, Quantity.CPU)
    if own is not None:
        x = place(own.ratio)
        lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{OWN}"/>')
        lines.append(_text(WIDTH - 12, y + 4, f"{own.ratio:.2f}", anchor="end", colour=OWN, weight="bold"))
    return lines


def svg(results: Results, workloads: Sequence[Workload]) -> str:
    """Return the chart; peers in the order of the table of servers."""
    shown = [workload for workload in workloads if workload.measure is Measure.CPU]
    peers = [peer for peer in PEERS if any(results.of(workload.name, peer) for workload in shown)]
    bottom = TOP + ROW * len(shown)
    size = f'width="{WIDTH}" height="{bottom + 28}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 28}" {size} {FONT}>',
        f'<rect width="{WIDTH}" height="{bottom + 28}" fill="white"/>',
        _text(
            12, 18, "Server CPU per request, as a ratio to the best peer (less is better; | the goal)", weight="bold"
        ),
        *_legend(peers),
        *_axis(bottom),
    ]
    for index, workload in enumerate(shown):
        lines += _row(results, workload, peers, TOP + ROW * (index + 0.5))
    return "\n".join([*lines, "</svg>", ""])
