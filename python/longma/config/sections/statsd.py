"""Counting to a StatsD daemon."""

from __future__ import annotations

from longma.config.endpoints import STATSD
from longma.config.option import Section, option
from longma.config.parsers import BOOLEAN, TEXT


class Statsd(Section):
    """Counting to a StatsD daemon: requests, their durations and statuses, workers, and lines of the error log."""

    __slots__ = ()
    title = "StatsD"

    statsd_host: str | None = option(
        None,
        kind=STATSD,
        cli=("--statsd-host",),
        doc="Where the daemon listens: `HOST`, `HOST:PORT` (8125 unless given) or `unix://PATH`.",
    )
    statsd_prefix: str = option(
        "",
        kind=TEXT,
        cli=("--statsd-prefix",),
        doc="What the names of all metrics begin with; a `.` is added.",
    )
    dogstatsd_tags: str = option(
        "",
        kind=TEXT,
        cli=("--dogstatsd-tags",),
        doc="Tags for all metrics, divided by commas, in DogStatsD's form.",
    )
    enable_backlog_metric: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--enable-backlog-metric",),
        constant=True,
        doc="Send how many connections wait to be accepted, as `gunicorn.backlog` (Linux, TCP).",
    )
