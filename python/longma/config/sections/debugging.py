"""Working on an application, and looking at the settings without serving."""

from __future__ import annotations

from longma.config.option import START, Section, option
from longma.config.parsers import BOOLEAN, EXISTING_FILES, one_of


class Debugging(Section):
    """Working on an application, and looking at the settings without serving."""

    __slots__ = ()
    title = "Debugging"

    reload: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--reload",),
        constant=True,
        doc="Replace the workers whenever a file of the application changes. For development.",
    )
    reload_engine: str = option(
        "auto",
        kind=one_of("auto", "poll", "inotify"),
        cli=("--reload-engine",),
        doc="How changes are noticed: `inotify` needs `longma[reload]`, `poll` looks once a second, `auto` takes the "
        "better one that is there.",
    )
    reload_extra_files: tuple[str, ...] = option(
        (),
        kind=EXISTING_FILES,
        cli=("--reload-extra-file",),
        repeat=True,
        anchored=START,
        doc="A further file, or a pattern such as `templates/*.html`, to watch.",
    )
    spew: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--spew",),
        constant=True,
        doc="Write every line of Python that a worker executes to standard output.",
    )

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
