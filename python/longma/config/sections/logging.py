"""What is written down, and where."""

from __future__ import annotations

from typing import Final

from longma.config.option import Kind, Section, option
from longma.config.parsers import FILE, OPTIONAL_FILE, one_of, text

_COMBINED: Final = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'


class Logging(Section):
    """What is written down, and where."""

    __slots__ = ()
    title = "Logging"

    accesslog: str | None = option(
        None,
        kind=OPTIONAL_FILE,
        cli=("--access-logfile",),
        doc="The file that gets a line for each request; `-` is standard output. Without one there is no access log.",
    )
    access_log_format: str = option(
        _COMBINED,
        kind=Kind("string", parse=text, metavar="FORMAT"),
        cli=("--access-logformat",),
        doc="What a line of the access log holds, in atoms such as `%(r)s` (request line) and `%(s)s` (status).",
    )
    errorlog: str = option(
        "-",
        kind=FILE,
        cli=("--error-logfile", "--log-file"),
        doc="The file that gets the server's own messages; `-` is standard error.",
    )
    loglevel: str = option(
        "info",
        kind=one_of("debug", "info", "warning", "error", "critical"),
        cli=("--log-level",),
        doc="The least important messages that are still written: `debug`, `info`, `warning`, `error` or `critical`.",
    )
