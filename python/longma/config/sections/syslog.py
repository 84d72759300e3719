"""Sending both logs to syslog."""

from __future__ import annotations

from typing import Final

from longma.config.endpoints import SYSLOG, SYSLOG_DEFAULT
from longma.config.option import Section, option
from longma.config.parsers import BOOLEAN, OPTIONAL_TEXT, one_of

_FACILITIES: Final = (
    *("auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "security", "syslog", "user", "uucp"),
    *("local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"),
)


class Syslog(Section):
    """Sending both logs to syslog."""

    __slots__ = ()
    title = "Syslog"

    syslog: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--log-syslog",),
        constant=True,
        doc="Send both logs to syslog, beside their files.",
    )
    syslog_addr: str = option(
        SYSLOG_DEFAULT,
        kind=SYSLOG,
        cli=("--log-syslog-to",),
        doc="Where syslog listens: `udp://HOST:PORT`, `tcp://HOST:PORT` or `unix://PATH`, the last with `#stream` or "
        "`#dgram` if need be.",
    )
    syslog_prefix: str | None = option(
        None,
        kind=OPTIONAL_TEXT,
        cli=("--log-syslog-prefix",),
        doc="The middle of the name that messages carry, `gunicorn.PREFIX.error` and `gunicorn.PREFIX.access`; the "
        "process name unless given.",
    )
    syslog_facility: str = option(
        "user",
        kind=one_of(*_FACILITIES, none="user"),
        cli=("--log-syslog-facility",),
        doc="The facility of the messages, such as `daemon` or `local0`.",
    )
    disable_redirect_access_to_syslog: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--disable-redirect-access-to-syslog",),
        constant=True,
        doc="Keep the access log out of syslog.",
    )
