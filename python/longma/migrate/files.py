"""Files that are sent without the application: `static-map`, `check-static` and what goes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longma.migrate.outcome import Outcome, see_to, setting, settle
from longma.migrate.values import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longma.migrate.expand import Option

MAPS: Final = frozenset({"static-map", "static-map2"})
ROOTS: Final = frozenset({"check-static", "static-check"})  # of which every path is looked for
INDEXES: Final = frozenset({"static-index"})
EXPIRIES: Final = frozenset(
    {"static-expires", "static-expires-uri", "static-expires-path-info", "static-expires-type"}
)  # PATTERN SECONDS
NAMES: Final = MAPS | ROOTS | INDEXES | EXPIRIES

INDEX: Final = "index.html"
AGAIN: Final = "longma looks in one directory for a path: put the files of both together"
ONE_FILE: Final = (
    "longma maps directories: put the file into one of its own and name that for the path above it, with "
    'static_missing = "application"'
)
NOT_THERE: Final = "uWSGI asks the application where there is no file"
FOR_ALL: Final = "for all files: longma has no patterns here"


def translate(options: Sequence[Option]) -> Outcome:
    """Return `static`, and what becomes of the options about it."""
    outcome = Outcome()
    maps: dict[str, tuple[Option, Text]] = {}
    for option in options:
        if option.name not in MAPS | ROOTS:
            continue
        path, directory = divided(option)
        if path is None or not directory.parts:
            outcome |= see_to(option, "not /PATH=DIRECTORY: write it into static by hand")
        elif "." in path.rpartition("/")[2]:
            outcome |= see_to(option, ONE_FILE)
        elif path in maps:
            outcome |= see_to(option, AGAIN)
        else:
            maps[path] = (option, directory)
    if maps:
        pairs = (directory.with_prefix(f"{path}=").code for path, (_, directory) in maps.items())
        used = [option for option, _ in maps.values()]
        outcome |= setting("static", f"[{', '.join(pairs)}]", *used)
        outcome |= setting("static_missing", '"application"', note=NOT_THERE)
    for option in options:
        if option.name in INDEXES:
            is_ours = option.value.literal == INDEX
            words = f"{INDEX} is what a directory's path means" if is_ours else f"longma looks for {INDEX} alone"
            outcome |= settle(option, words) if is_ours else see_to(option, words)
    return outcome | ages([option for option in options if option.name in EXPIRIES])


def divided(option: Option) -> tuple[str | None, Text]:
    """The path and the directory of an option; None: there is no path."""
    if option.name in ROOTS:
        return "/", option.value
    path, *rest = option.value.split("=", 1)
    literal = path.literal
    if not rest or literal is None or not literal.startswith("/"):
        return None, Text()
    mounted = literal.rstrip("/") or "/"
    # The second kind looks for the whole path below the directory.
    return mounted, rest[0].with_suffix(mounted.rstrip("/")) if option.name == "static-map2" else rest[0]


def ages(options: Sequence[Option]) -> Outcome:
    """Return how long clients may keep files, where there is one answer to that."""
    seconds = {Text(pieces[-1].parts).number for option in options if (pieces := option.value.split(" "))}
    if len(seconds) == 1 and (only := seconds.pop()) is not None:
        return setting("static_max_age", only, *options, note=FOR_ALL)
    outcome = Outcome()
    for option in options:
        outcome |= see_to(option, "static_max_age is one number for all files")
    return outcome
