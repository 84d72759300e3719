"""What is logged and where: uWSGI has one log for everything, requests included unless it is told otherwise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from longma.migrate.outcome import Outcome, see_to, setting, settle
from longma.migrate.values import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longma.migrate.expand import Option

FILES: Final = frozenset({"logto", "logto2", "daemonize", "daemonize2", "d"})
FORMATS: Final = frozenset({"log-format", "logformat"})
LOGGERS: Final = frozenset({"logger", "req-logger", "logger-req", "log-syslog", "log-socket"})
ENCODERS: Final = frozenset({"log-encoder", "log-req-encoder"})
NAMES: Final = FILES | FORMATS | LOGGERS | ENCODERS | frozenset({"disable-logging", "L"})

DAEMON: Final = "under systemd or in a container leave this away, and logto in uWSGI's place"
UDP: Final = re.compile(r"[^/]*:\d+")
SPECIAL: Final = re.compile(r"\[%\(ltime\)\]|%\(([\w.:-]+)\)")
# uWSGI's names in a log format, and longma's atoms.
ATOMS: Final = (
    ("addr", "%(h)s"),
    ("user", "%(u)s"),
    ("method", "%(m)s"),
    ("uri", "%({raw_uri}e)s"),
    ("proto", "%(H)s"),
    ("status", "%(s)s"),
    ("size", "%(B)s"),
    ("rsize", "%(B)s"),
    ("cl", "%({content_length}e)s"),
    ("secs", "%(T)s"),
    ("msecs", "%(M)s"),
    ("micros", "%(D)s"),
    ("host", "%({host}i)s"),
    ("referer", "%(f)s"),
    ("uagent", "%(a)s"),
    ("pid", "%(p)s"),
    ("ltime", "%(t)s"),
    ("ctime", "%(t)s"),
    ("time", "%(t)s"),
    ("ftime", "%(t)s"),
    ("epoch", "%(t)s"),
)


def translate(options: Sequence[Option]) -> Outcome:
    """Return where the logs go. Requests are logged unless uWSGI was told not to, as there."""
    outcome = Outcome()
    silent = [option for option in options if option.name in ("disable-logging", "L") and option.value.is_true]
    files = [option for option in options if option.name in FILES]
    access = '"-"'
    for option in options:
        if option.name in ("daemonize", "daemonize2", "d"):
            outcome |= setting("daemon", "True", option, note=DAEMON)
    if files:
        target = files[-1]
        if UDP.fullmatch(target.value.literal or ""):
            outcome |= remote(target, f"udp://{target.value.literal}")
        else:
            access = target.value.code
            outcome |= setting("errorlog", access, target) | setting(
                "capture_output", "True", target, note="what the application prints goes there too, as with uWSGI"
            )
    outcome, access = loggers(options, outcome, access)
    if silent:
        outcome |= settle(silent[-1], "longma has no access log unless accesslog names one")
    elif not any(made.name == "syslog" for made in outcome.settings):
        note = "uWSGI logs requests unless disable-logging is set; longma only when told"
        outcome |= setting("accesslog", access, *files, note=note)
    formats = [option for option in options if option.name in FORMATS]
    if formats:
        outcome |= log_format(formats[-1])
    for option in options:
        if option.name in ENCODERS:
            outcome |= encoder(option)
    return outcome


def loggers(options: Sequence[Option], outcome: Outcome, access: str) -> tuple[Outcome, str]:
    """Return what the loggers come to, and where requests are logged."""
    for option in options:
        if option.name not in LOGGERS:
            continue
        kind, _, target = (option.value.literal or option.value.shown).partition(":")
        kind = kind.rpartition(" ")[2]  # a logger may have a name before it
        if option.name == "log-syslog":
            outcome |= syslog(option, option.value.literal or "")
        elif option.name == "log-socket":
            outcome |= remote(option, f"udp://{option.value.literal}")
        elif kind in ("file", "stdio"):
            where = quoted(target) if kind == "file" else '"-"'
            if option.name == "logger":
                outcome |= setting("errorlog", where, option)
            else:
                access = where
                outcome |= settle(option, "see accesslog")
        elif kind == "syslog":
            outcome |= syslog(option, target)
        elif kind in ("rsyslog", "socket"):
            outcome |= remote(option, f"udp://{target.partition(',')[0]}")
        else:
            outcome |= see_to(option, "log to standard output, and let the collector of the machine take it from there")
    return outcome, access


def syslog(option: Option, prefix: str) -> Outcome:
    outcome = setting("syslog", "True", option)
    return outcome | setting("syslog_prefix", quoted(prefix.partition(",")[0]), option) if prefix else outcome


def remote(option: Option, address: str) -> Outcome:
    return setting("syslog", "True", option) | setting("syslog_addr", quoted(address), option)


def encoder(option: Option) -> Outcome:
    literal = option.value.literal or ""
    if literal.startswith("json"):
        return setting("log_format", '"json"', option, note="longma's own fields, one object a line")
    return see_to(option, "longma has no encoders: its lines are plain, or JSON with log_format = 'json'")


def log_format(option: Option) -> Outcome:
    """Return the format of the access log in longma's atoms; what has none becomes a hyphen, and is named."""
    literal = option.value.literal
    if literal is None:
        return see_to(option, "write access_log_format by hand, in the atoms that docs/settings.md names")
    unknown: list[str] = []
    known = dict(ATOMS)

    def atom(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "%(t)s"  # ours has its brackets
        if name.startswith("var."):
            return f"%({{{name.removeprefix('var.').lower()}}}e)s"
        if name not in known:
            unknown.append(name)
        return known.get(name, "-")

    written = SPECIAL.sub(atom, literal)
    note = f"longma has no {', '.join(unknown)}" if unknown else ""
    return setting("access_log_format", quoted(written), option, note=note)
