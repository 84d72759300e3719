"""What is written down, and where."""

from __future__ import annotations

from typing import Any, Final

from longma.config.callables import LOGGER_CLASS
from longma.config.option import DIRECTORY, START, Computed, Kind, Section, option
from longma.config.parsers import BOOLEAN, DICTIONARY, EXISTING_FILE, OPTIONAL_FILE, one_of, optional_text, text


def _no_dictionary() -> dict[str, Any]:
    return {}


_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_COMBINED: Final = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'


def error_log_name(value: object) -> str:
    """Return a path or `-`, which is what None stands for."""
    return optional_text(value) or "-"


def access_format(value: object) -> str:
    """Return the format as it is given; None stands for the default."""
    return _COMBINED if value is None else text(value)


def level(value: object) -> str:
    """Return the name of a level; `warn` and `fatal` are other names of two of them."""
    name = value.strip().lower() if isinstance(value, str) else value
    known = {"warn": "warning", "fatal": "critical"}.get(name, name) if isinstance(name, str) else name
    return one_of(*_LEVELS).parse(known)


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
        kind=Kind("string", parse=access_format, metavar="FORMAT"),
        cli=("--access-logformat",),
        doc="What a line of the access log holds. `%(h)s`: address of the client; `%(l)s`: `-`; `%(u)s`: user of Basic "
        "authentication; `%(t)s`: time; `%(r)s`: request line; `%(m)s`: method; `%(U)s`: path; `%(q)s`: query; "
        "`%(H)s`: protocol; `%(s)s`: status; `%(b)s`, `%(B)s`: body bytes; `%(f)s`: referer; `%(a)s`: user agent; "
        "`%(T)s`, `%(M)s`, `%(D)s`, `%(L)s`: time in seconds, milli-, microseconds, decimal seconds; `%(p)s`: "
        "process; `%({NAME}i)s`, `%({NAME}o)s`: field of the request, of the response; `%({NAME}e)s`: variable of the "
        "environ, text or a number. What is not known is `-`. `%(h)15s` and `%(m)-7s` have a width.",
    )
    errorlog: str = option(
        "-",
        kind=Kind("path", parse=error_log_name, metavar="FILE"),
        cli=("--error-logfile", "--log-file"),
        doc="The file that gets the server's own messages; `-` is standard error.",
    )
    loglevel: str = option(
        "info",
        kind=Kind("string", parse=level, metavar="|".join(_LEVELS)),
        cli=("--log-level",),
        doc="The least important messages that are still written: `debug`, `info`, `warning`, `error` or `critical`.",
    )
    log_format: str = option(
        "plain",
        kind=one_of("plain", "json"),
        cli=("--log-format",),
        doc="How both logs are written: `plain` lines, or a `json` object a line.",
    )
    capture_output: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--capture-output",),
        constant=True,
        doc="Send what the application writes to standard output and standard error to `errorlog`.",
    )
    logger_class: Any = option(
        None,
        kind=LOGGER_CLASS,
        cli=("--logger-class",),
        doc="A class with the methods of Gunicorn's logger, or its dotted name, to use instead of the server's own.",
    )
    logconfig: str | None = option(
        None,
        kind=EXISTING_FILE,
        cli=("--log-config",),
        anchored=START,
        doc="A file for `logging.config.fileConfig`. `logconfig_json` comes before it, `logconfig_dict` before both.",
    )
    logconfig_dict: dict[str, Any] = option(
        Computed(_no_dictionary),
        kind=DICTIONARY,
        doc="A dictionary for `logging.config.dictConfig`.",
    )
    logconfig_json: str | None = option(
        None,
        kind=EXISTING_FILE,
        cli=("--log-config-json",),
        anchored=DIRECTORY,
        doc="A JSON file for `logging.config.dictConfig`.",
    )
