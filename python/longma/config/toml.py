"""Settings in TOML: `longma.toml`, or the table `[tool.longma]` of `pyproject.toml`.

There are no helper variables in TOML, so every name that is no setting is a mistake. The parser of the standard library
is loaded only where there is such a file; it keeps no lines, so these are looked for when somebody wants to know one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from longma.config.layer import Layer, Reading, Source
from longma.config.unknown import flag_hint, nearest_setting, refused_names
from longma.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from longma.config.option import Option

_INSTALL: Final = 'reading TOML needs Python 3.11 or later, or tomli: run pip install "tomli"'


def has_table(path: str, name: tuple[str, ...]) -> bool:
    """Whether there is such a file and it has a table of this name. It is parsed only where it speaks of one at all.

    One that is no TOML has it if it says so: then reading it tells the mistake.
    """
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return False
    lines = text.split("\n")
    if any(_header(line)[: len(name)] == name for line in lines):
        return True
    # Nearly every project's file has [tool.SOMETHING]; a parser is nothing to carry through every process for that.
    parser = _parser() if name[-1] in text and any(_may_hold(line, name) for line in lines) else None
    if parser is None:
        return False
    try:
        return _table_in(parser.loads(text), name) is not None
    except (ValueError, RecursionError):
        return ".".join(name) in text


def _may_hold(line: str, name: tuple[str, ...]) -> bool:
    """Whether a table of this name may stand in the line, or below it, though its header is missing or broken."""
    key, equals, _ = line.partition("=")
    is_half = line.lstrip().startswith("[") and "]" not in line and name[-1] in line
    return is_half or _header(line) == name[:-1] or bool(equals and _path(key.strip())[:1] == name[:1])


def _table_in(document: object, name: tuple[str, ...]) -> object:
    """Return what a document has by this name, None for nothing."""
    for key in name:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def read(label: str, source: bytes, prefix: tuple[str, ...], table: Mapping[str, Option[Any]]) -> Reading:
    """Return what a file sets.

    Args:
        label: what the operator calls it.
        source: its content.
        prefix: the name of the table that holds the settings, () for the whole file.
        table: the rows by name.

    Raises:
        ConfigError: it is no TOML, or there is nothing to read it with.
    """
    document = _table_in(_parsed(label, source), prefix)
    if document is None:
        raise ConfigError([Problem(f"there is no table [{'.'.join(prefix)}]", label)])
    if not isinstance(document, dict):
        raise ConfigError([Problem(f"{'.'.join(prefix)} must be a table", label)])

    def locate(name: str) -> Source:
        return Source(label, _line_of(name, source, prefix))

    given: dict[str, object] = {}
    problems: list[Problem] = []
    notices: list[str] = []
    later = refused_names()
    for name, value in document.items():
        if name == "config":
            notices.append(f"{locate(name)}: config names the file to read and has no effect inside one")
        elif name in table or name in later:
            given[name] = value
        else:
            near = nearest_setting(name, table)
            hint = f"; did you mean {near!r}?" if near else flag_hint(name, table)
            if name in ("tool", "longma") and isinstance(value, dict):
                hint = "; settings stand at the top of this file, in no table"
            problems.append(Problem(f"unknown setting {name!r}{hint}", str(locate(name))))
    return Reading(Layer(given, locate), tuple(problems), tuple(notices))


def _parsed(label: str, source: bytes) -> dict[str, Any]:
    parser = _parser()
    if parser is None:
        raise ConfigError([Problem(_INSTALL, label)])
    try:
        parsed: dict[str, Any] = parser.loads(source.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = source[: error.start].count(b"\n") + 1
        raise ConfigError([Problem("TOML must be UTF-8", str(Source(label, line)))]) from None
    except ValueError as error:
        # "Invalid value (at line 3, column 5)", or "(at end of document)"
        words, _, place = str(error).partition(" (at line ")
        line = int(place.partition(",")[0]) if place else 0
        raise ConfigError([Problem(f"this is no TOML: {words}", str(Source(label, line)))]) from None
    except RecursionError:
        raise ConfigError([Problem("this is nested too deeply", label)]) from None
    return parsed


def _parser() -> Any:
    for name in ("tomllib", "tomli"):
        try:
            return __import__(name)
        except ModuleNotFoundError:
            continue
    return None


def _line_of(name: str, source: bytes, prefix: tuple[str, ...]) -> int:
    """Return the line that gives a setting its value, or that of the inline table it stands in; 0 for neither."""
    inside: tuple[str, ...] = ()
    around = 0
    for number, line in _lines_outside_strings(source.decode("utf-8", "replace")):
        header = _header(line)
        if header:
            inside = header
            path = header
        else:
            key, equals, _ = line.partition("=")
            path = (*inside, *_path(key)) if equals else ()
        if path[: len(prefix) + 1] == (*prefix, name):
            return number
        if path and (*prefix, name)[: len(path)] == path:
            around = number
    return around


def _lines_outside_strings(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines, with their numbers, that do not begin inside a string of several lines."""
    quotes = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if not quotes:
            yield number, line
        rest = line
        while True:
            if quotes:
                _, found, rest = rest.partition(quotes)
                if not found:
                    break
                quotes = ""
            starts = [(rest.find(mark), mark) for mark in ('"""', "'''") if mark in rest]
            if not starts:
                break
            at, quotes = min(starts)
            rest = rest[at + 3 :]


def _header(line: str) -> tuple[str, ...]:
    """Return the path that the header of a table names, () for any other line."""
    line = line.strip()
    if not line.startswith("["):
        return ()
    inside, bracket, _ = line.strip("[").partition("]")
    return _path(inside) if bracket and "," not in inside else ()


def _path(dotted: str) -> tuple[str, ...]:
    """Return the parts of a dotted key; dots in quoted parts are not foreseen, no setting has one."""
    parts = [part.strip() for part in dotted.split(".")]
    return tuple(part[1:-1] if part[:1] in ("'", '"') and part[-1:] == part[:1] else part for part in parts)
