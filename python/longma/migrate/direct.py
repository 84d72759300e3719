"""The options that one setting says as well: a table of rows, and what turns a value of the one into the other's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from longma.migrate.outcome import Outcome, see_to, setting, settle
from longma.migrate.values import MEGABYTE, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from longma.migrate.expand import Option

    Writer = Callable[["Direct", Option], Outcome]


class Direct(NamedTuple):
    """Options that mean the same, the setting they become, and how the value is written; the last one given counts."""

    names: tuple[str, ...]
    setting: str
    write: Writer
    note: str = ""


def number(row: Direct, option: Option) -> Outcome:
    code = option.value.number
    if code is None:
        return see_to(option, f"{row.setting} wants a whole number")
    return setting(row.setting, code, option, note=row.note)


def text(row: Direct, option: Option) -> Outcome:
    if not option.value.parts:
        return see_to(option, f"{row.setting} wants a value")
    return setting(row.setting, option.value.code, option, note=row.note)


def flag(row: Direct, option: Option) -> Outcome:
    if not option.value.is_true:
        return settle(option, "switched off, as it is without it")
    return setting(row.setting, "True", option, note=row.note)


def inverted(row: Direct, option: Option) -> Outcome:
    if not option.value.is_true:
        return settle(option, "switched off, as it is without it")
    return setting(row.setting, "False", option, note=row.note)


def megabytes(row: Direct, option: Option) -> Outcome:
    code = option.value.number
    if code is None:
        return see_to(option, f"{row.setting} wants a whole number")
    return setting(row.setting, f'"{code}M"' if code.isdecimal() else f"{code} * {MEGABYTE}", option, note=row.note)


def workers(row: Direct, option: Option) -> Outcome:
    """As many workers as processors is what `auto` is for; it knows the limits of a container too."""
    code = option.value.number
    if code == "os.cpu_count()":
        return setting(
            row.setting, '"auto"', option, note="one for each processor that the container or machine allows"
        )
    return number(row, option)


def harakiri(row: Direct, option: Option) -> Outcome:
    return setting(row.setting, option.value.number or "0", option, note=row.note)


def keep_alive(row: Direct, option: Option) -> Outcome:
    """As a flag it asks for what longma does anyway; as a number it is the time."""
    code = option.value.number
    if code is None or code in ("0", "1"):
        return settle(option, "connections are kept alive, for `keepalive` seconds (75)")
    return setting(row.setting, code, option, note=row.note)


def body_limit(row: Direct, option: Option) -> Outcome:
    """0 is no limit in both."""
    return number(row, option)


def prefix(row: Direct, option: Option) -> Outcome:
    literal = option.value.literal
    return setting(row.setting, quoted(literal.strip()) if literal else option.value.code, option, note=row.note)


def statsd(row: Direct, option: Option) -> Outcome:
    """`statsd:HOST:PORT[,PREFIX]` is one of the places where uWSGI sends its numbers."""
    literal = option.value.literal or ""
    where, _, name = literal.removeprefix("statsd:").partition(",")
    if not literal.startswith("statsd:") or not where:
        return see_to(option, 'longma tells statsd (statsd_host), or whoever asks (metrics_path = "/-/metrics")')
    outcome = setting(row.setting, quoted(where), option, note=row.note)
    return outcome | setting("statsd_prefix", quoted(name), option) if name else outcome


FROM_WHOM: Final = "the proxies must be in proxy_allow_ips, which is this machine unless told otherwise"
TITLE: Final = 'shown by ps, when the package "longma[setproctitle]" is installed'
RSS: Final = "resident memory; the worker finishes its request first"

ROWS: Final = (
    Direct(("processes", "workers", "p"), "workers", workers),
    Direct(("listen",), "backlog", number),
    Direct(("harakiri",), "timeout", harakiri, "the log says which request it was, and where it was stuck"),
    Direct(("reload-mercy", "worker-reload-mercy"), "graceful_timeout", number),
    Direct(("max-requests",), "max_requests", number),
    Direct(
        ("max-requests-delta",), "max_requests_jitter", number, "a random number up to this; uWSGI adds it by worker"
    ),
    Direct(("reload-on-rss",), "max_worker_memory", megabytes, RSS),
    Direct(
        ("evil-reload-on-rss",), "max_worker_memory_hard", megabytes, "resident memory; the worker is killed at once"
    ),
    Direct(("chdir",), "chdir", text),
    Direct(("uid", "immediate-uid"), "user", text),
    Direct(("gid", "immediate-gid"), "group", text),
    Direct(("limit-post",), "limit_request_body", body_limit),
    Direct(("http-keepalive", "http-socket-keepalive"), "keepalive", keep_alive),
    Direct(
        ("so-send-timeout", "socket-send-timeout", "so-write-timeout", "socket-write-timeout"), "write_timeout", number
    ),
    Direct(("no-defer-accept",), "defer_accept", inverted),
    Direct(("disable-sendfile",), "sendfile", inverted),
    Direct(("reuse-port",), "reuse_port", flag),
    Direct(("enable-proxy-protocol", "http-enable-proxy-protocol"), "proxy_protocol", flag, FROM_WHOM),
    Direct(("pidfile", "pidfile2", "safe-pidfile", "safe-pidfile2"), "pidfile", text),
    Direct(("procname-prefix", "procname-prefix-spaced", "procname-master", "procname"), "proc_name", prefix, TITLE),
    Direct(
        ("py-autoreload", "python-autoreload", "py-auto-reload", "python-auto-reload"), "reload", flag, "development"
    ),
    Direct(("stats-push",), "statsd_host", statsd, "the numbers have the names that Gunicorn gives them"),
    Direct(("paste", "ini-paste", "ini-paste-logged"), "paste", text),
)


def row_of(name: str) -> Direct | None:
    """The row that an option's name stands in."""
    return next((row for row in ROWS if name in row.names), None)


def translate(options: Sequence[Option]) -> Outcome:
    """Return what becomes of options that stand in the table; where several make one setting, the last one counts."""
    outcome = Outcome()
    last = {row.setting: option for option in options if (row := row_of(option.name)) is not None}
    for option in options:
        row = row_of(option.name)
        if row is None:
            continue
        if last[row.setting] is option:
            outcome |= row.write(row, option)
        else:
            outcome |= settle(option, f"replaced by {last[row.setting].shown}, which comes later")
    return outcome
