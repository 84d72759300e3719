"""Looking at the settings without serving."""

from __future__ import annotations

from longma.config.option import Section, option
from longma.config.parsers import BOOLEAN


class Debugging(Section):
    """Looking at the settings without serving."""

    __slots__ = ()
    title = "Debugging"

    check_config: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--check-config",),
        constant=True,
        reload=False,
        doc="Check the settings, load the application, and exit: 0 when all is well, 1 when not.",
    )
    print_config: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--print-config",),
        constant=True,
        reload=False,
        doc="Print every setting with its value and where the value comes from, then do as `check_config` does.",
    )
