"""All the options of a file, given to those who know them, and what uWSGI's own defaults ask for besides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longma.migrate import application, direct, files, logs, remarks, sockets
from longma.migrate.outcome import Outcome, Remark, Setting, see_to, setting

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from longma.migrate.expand import Option

HEAD_BYTES: Final = 4096  # the head that uWSGI takes unless told otherwise
THREADED: Final = frozenset({"threads"})
GREENLETS: Final = frozenset({"gevent"})
PRELOADED: Final = (
    "each worker loads the application itself; preload_app = True shares memory, but HUP then reloads no code"
)


def translate(options: Sequence[Option], placeholders: Set[str]) -> Outcome:
    """Return what becomes of a whole file.

    Args:
        options: its options, expanded.
        placeholders: the names that values refer to: they are no options, whatever they are called.
    """
    always = [option for option in options if not option.condition]
    outcome = each(always, placeholders) | defaults(always)
    for option in options:
        if option.condition:
            outcome |= conditional(option, placeholders)
    return outcome


def each(options: Sequence[Option], placeholders: Set[str] = frozenset()) -> Outcome:
    """Return what becomes of these options, and of nothing else."""
    groups = (
        (application.NAMES, application.translate),
        (sockets.NAMES, sockets.translate),
        (logs.NAMES, logs.translate),
        (files.NAMES, files.translate),
    )
    outcome = Outcome()
    for names, whole in groups:
        if own := [option for option in options if option.name in names]:
            also = [option for option in options if option.name == "chdir"]
            outcome |= whole([*own, *also])
    outcome |= direct.translate(options) | concurrency(options)
    taken = application.NAMES | sockets.NAMES | logs.NAMES | files.NAMES | THREADED | GREENLETS
    for option in options:
        if option.name in taken or direct.row_of(option.name) is not None:
            continue
        if option.name in ("buffer-size", "b") and (found := head(option)) is not None:
            outcome |= found
        else:
            outcome |= remarks.translate(option) or unknown(option, placeholders)
    return outcome


def unknown(option: Option, placeholders: Set[str]) -> Outcome:
    """A name that no table holds is a placeholder, as uWSGI has it, or an option of a plugin."""
    if option.name in placeholders:
        return Outcome()
    return see_to(option, "no option that this tool knows, and no value refers to it")


def head(option: Option) -> Outcome | None:
    """Return the limits that let a head through that is larger than longma takes by default."""
    code = option.value.number
    if code is None or (code.isdecimal() and int(code) <= HEAD_BYTES):
        return None
    note = "uWSGI's limit is for the whole head, these are for its request line and for each field"
    outcome = setting("limit_request_line", code, option, note=note)
    if not code.isdecimal() or int(code) > 2 * HEAD_BYTES:
        outcome |= setting("limit_request_field_size", code, option)
    return outcome


def concurrency(options: Sequence[Option]) -> Outcome:
    """Return how a worker serves several requests at once."""
    outcome = Outcome()
    greenlets = [option for option in options if option.name in GREENLETS]
    threads = [option for option in options if option.name in THREADED]
    if greenlets:
        outcome |= setting("worker_class", '"gevent"', greenlets[-1])
        outcome |= setting("worker_connections", greenlets[-1].value.number or "1000", greenlets[-1])
    elif threads and threads[-1].value.number not in ("0", "1", None):
        outcome |= setting("worker_class", '"gthread"', threads[-1])
        outcome |= setting("threads", threads[-1].value.number or "1", threads[-1])
    return outcome


def defaults(options: Sequence[Option]) -> Outcome:
    """Return the settings by which longma does what uWSGI does when it is told nothing."""
    names = {option.name for option in options}
    outcome = Outcome()
    if "harakiri" not in names:
        note = "uWSGI has no limit without harakiri; longma's default is 30 seconds, which is safer"
        outcome |= setting("timeout", "0", note=note)
    if not names & {"lazy", "lazy-apps"}:
        outcome |= Outcome(work=(Remark("lazy-apps is not set", PRELOADED),))
    if names & {"uid", "immediate-uid"} and "no-initgroups" not in names:
        outcome |= setting("initgroups", "True", note="uWSGI gives workers all groups of their user")
    if not names & logs.NAMES:
        note = "uWSGI logs requests unless disable-logging is set; longma only when told"
        outcome |= setting("accesslog", '"-"', note=note)
    return outcome


def conditional(option: Option, placeholders: Set[str]) -> Outcome:
    """Return what an option that hangs on a condition would become: the operator writes the condition in Python."""
    alone = each([option._replace(condition="")], placeholders)
    lines = [f"{made.name} = {made.code}" for made in alone.settings]
    words = "; ".join(lines) if lines else "; ".join(remark.words for remark in (*alone.work, *alone.settled))
    return Outcome(work=(Remark(f"{option.shown} (under {option.condition})", f"write an if in Python: {words}"),))


def merged(settings: Sequence[Setting]) -> list[Setting]:
    """The settings with none twice: the last value counts, and all that led to it are named."""
    by_name: dict[str, Setting] = {}
    for made in settings:
        earlier = by_name.pop(made.name, None)
        origin = (*earlier.origin, *made.origin) if earlier else made.origin
        by_name[made.name] = made._replace(origin=tuple(dict.fromkeys(origin)))
    return list(by_name.values())
