"""From samples to figures: minimum and median over rounds, and ratios to the best peer of the same run. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from .contestants import SERVERS
from .measure import Sample
from .servers import Kind
from .workloads import Measure, Workload

SUBJECT = next(server.name for server in SERVERS if server.kind is Kind.SUBJECT)
PEERS = tuple(server.name for server in SERVERS if server.kind is Kind.PEER)
FAIR_IN_LATENCY = tuple(server.name for server in SERVERS if server.serves_every_client)


class Quantity(Enum):
    """What a sample tells, and whether less of it is better."""

    CPU = ("cpu_us", True)
    RATE = ("rate", False)
    P99 = ("p99_ms", True)
    P999 = ("p999_ms", True)
    MEMORY = ("pss_mb", True)

    def of(self, sample: Sample) -> float:
        value: float = getattr(sample, self.value[0])
        return value

    @property
    def less_is_better(self) -> bool:
        return self.value[1]


@dataclass(frozen=True)
class Figure:
    """One quantity of one server on one workload over all valid rounds."""

    best: float
    median: float
    rounds: int


@dataclass(frozen=True)
class Comparison:
    """A server against the best peer, on one quantity."""

    figure: Figure
    peer: str
    peer_figure: Figure

    @property
    def ratio(self) -> float:
        """The ratio of the best rounds: the quietest moment of one to the quietest moment of the other."""
        return self.figure.best / self.peer_figure.best

    @property
    def median_ratio(self) -> float:
        return self.figure.median / self.peer_figure.median


class Results:
    """All samples of a run, asked by workload and server."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self.samples = tuple(samples)

    def of(self, workload: str, server: str) -> tuple[Sample, ...]:
        """Return the valid samples of a server on a workload."""
        return tuple(s for s in self.samples if s.workload == workload and s.server == server and s.valid)

    def faults(self) -> tuple[Sample, ...]:
        """Return the samples that count for nothing, with their reasons."""
        return tuple(s for s in self.samples if not s.valid)

    def figure(self, workload: str, server: str, quantity: Quantity) -> Figure | None:
        """Return the figure, or None when no valid round gave one."""
        values = [quantity.of(sample) for sample in self.of(workload, server)]
        if not values:
            return None
        best = min(values) if quantity.less_is_better else max(values)
        return Figure(best, statistics.median(values), len(values))

    def best_peer(self, workload: str, quantity: Quantity) -> tuple[str, Figure] | None:
        """Return the peer whose best round is best, and its figure."""
        figures = [(name, self.figure(workload, name, quantity)) for name in PEERS]
        known = [(name, figure) for name, figure in figures if figure is not None]
        if quantity in (Quantity.P99, Quantity.P999):
            known = [(name, figure) for name, figure in known if name in FAIR_IN_LATENCY]
        choose: Callable[..., tuple[str, Figure]] = min if quantity.less_is_better else max
        return choose(known, key=lambda pair: pair[1].best) if known else None

    def compare(self, workload: str, server: str, quantity: Quantity) -> Comparison | None:
        """Return a server beside the best peer, or None when either is missing."""
        figure, peer = self.figure(workload, server, quantity), self.best_peer(workload, quantity)
        return Comparison(figure, *peer) if figure is not None and peer is not None else None

    def busiest_neighbours(self) -> float:
        """Return the largest share of the server's CPU that other programs took during a valid round."""
        return max((sample.others for sample in self.samples if sample.valid), default=0.0)


@dataclass(frozen=True)
class Verdict:
    """Whether a row of the table reached its goal."""

    value: float
    goal: float

    @property
    def reached(self) -> bool:
        # Compared as printed, two decimals: 0.874 against 0.87 is the goal reached.
        return round(self.value, 2) <= self.goal

    @property
    def missed_by(self) -> float:
        return max(0.0, round(self.value, 2) - self.goal)


def verdict(results: Results, workload: Workload) -> Verdict | None:
    """Return how longma did on a row with a goal, or None when the row has none or was not measured."""
    if workload.goal is None:
        return None
    if workload.measure is Measure.FAST_P99:
        figure = results.figure(workload.name, SUBJECT, Quantity.P99)
        return Verdict(figure.median, workload.goal) if figure else None
    comparison = results.compare(workload.name, SUBJECT, Quantity.CPU)
    return Verdict(comparison.ratio, workload.goal) if comparison else None


def delta(results: Results, workload: str, server: str, base: str) -> tuple[float, float] | None:
    """Return how many µs of CPU per request `server` costs more than `base`: of the best rounds, and of the medians."""
    one, other = (results.figure(workload, name, Quantity.CPU) for name in (server, base))
    return (one.best - other.best, one.median - other.median) if one and other else None


def order_for_round(names: Sequence[str], number: int) -> tuple[str, ...]:
    """Return the names begun at another one each round, so that none always follows the same neighbour's heat."""
    turn = number % len(names) if names else 0
    return (*names[turn:], *names[:turn])


Memory = Mapping[tuple[str, int], float]  # (server, workers) -> MB of PSS when idle
Instructions = Mapping[tuple[str, str], float]  # (server, request) -> instructions per request
