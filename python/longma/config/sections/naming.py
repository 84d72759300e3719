"""What the processes are called."""

from __future__ import annotations

from longma.config.option import Section, option
from longma.config.parsers import OPTIONAL_TEXT, TEXT


class ProcessNames(Section):
    """What the processes are called, in `ps` and `top`, when `longma[setproctitle]` is installed."""

    __slots__ = ()
    title = "Process names"

    proc_name: str | None = option(
        None,
        kind=OPTIONAL_TEXT,
        cli=("-n", "--name"),
        doc="The name in `longma: master [NAME]` and `longma: worker [NAME]`.",
    )
    default_proc_name: str = option(
        "longma",
        kind=TEXT,
        doc="The name without a `proc_name`. An application on the command line replaces it.",
    )
