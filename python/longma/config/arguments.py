"""The command line, and the two variables that hold more of it: `GUNICORN_CMD_ARGS` and `LONGMA_CMD_ARGS`.

The grammar is argparse's, because it is Gunicorn's: options and the application in any order, `--name=value`, prefixes
that are unique, `-w2`, short flags in a row. argparse itself would stay in the master and, over fork, in every worker:
a megabyte for what takes a millisecond once. It is used for `--help`, in `usage.py`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from longma import __version__
from longma.config.later import LATER
from longma.config.layer import Layer, Reading, Source
from longma.config.nearest import nearest
from longma.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from longma.config.option import Option

_APPLICATION: Final = "wsgi_app"
_HELP: Final = "-h/--help"
_VERSION: Final = "-v/--version"
_ALL_OPTIONS: Final = "; longma --help lists them all"
# Ours that would make prefixes ambiguous which are unique among Gunicorn's: `--key`, `--head`, `--log-f`.
_STEP_ASIDE: Final = ("--keyfile-password-file", "--header-timeout", "--health-path", "--log-format")


class Flag(NamedTuple):
    """What one spelling of an option means.

    Attributes:
        name: the setting, or what is printed instead.
        spelled: all its spellings, for messages.
        takes_value: a word must follow.
        constant: what the flag stands for without one.
        repeat: values are collected in a list.
        text: reads that word.
        kind: what that word is, for messages.
        words: what that word may be when it may also be left out; () for anything.
    """

    name: str
    spelled: str
    takes_value: bool
    constant: object = None
    repeat: bool = False
    text: Callable[[str], object] = str
    kind: str = "string"
    words: tuple[str, ...] = ()

    def takes(self, word: str) -> bool:
        """Whether a word that follows is this flag's, and not the application: `--proxy-protocol shop:app`."""
        return self.takes_value and (not self.words or word.strip().lower() in self.words)


def parse(arguments: Sequence[str], table: Mapping[str, Option[Any]]) -> Layer:
    """Return what the command line sets.

    Raises:
        UsageError: it cannot be read.
        SystemExit: it asked for help or for the version, which have been printed.
    """
    source = Source("command line")
    return Layer(_Reader(table).read(arguments), lambda _: source)


def parse_variable(name: str, environ: Mapping[str, str], table: Mapping[str, Option[Any]]) -> Reading:
    """Return what an environment variable that holds arguments sets. The application cannot be named there.

    Raises:
        UsageError: it cannot be read; the message begins with the variable's name.
    """
    source = Source(name)
    if not environ.get(name, "").strip():
        return Reading(Layer({}, lambda _: source))
    import shlex

    try:
        values = _Reader(table).read(shlex.split(environ[name]))
    except (UsageError, ValueError) as error:
        raise UsageError(f"{name}: {error}") from None
    application = values.pop(_APPLICATION, None)
    notices = () if application is None else (f"{name}: the application {application!r} has no effect here",)
    return Reading(Layer(values, lambda _: source), notices=notices)


def _flags(table: Mapping[str, Option[Any]]) -> dict[str, Flag]:
    """Return what every spelling means, Gunicorn's options that are still to come included."""
    flags: list[tuple[tuple[str, ...], Flag]] = [
        (("-h", "--help"), Flag(_HELP, _HELP, False)),
        (("-v", "--version"), Flag(_VERSION, _VERSION, False)),
    ]
    for row in table.values():
        takes_value = row.constant is None or bool(row.words)
        spelled, kind = "/".join(row.cli), row.kind
        flag = Flag(row.name, spelled, takes_value, row.constant, row.repeat, kind.text, kind.name, row.words)
        flags.append((row.cli, flag))
    for later in LATER:
        constant = True if isinstance(later.default, bool) else None
        spelled, takes_value = "/".join(later.flags), not isinstance(later.default, bool)
        flag = Flag(later.name, spelled, takes_value, constant, later.repeat)
        flags.append((later.flags, flag))
    return {spelling: flag for spellings, flag in flags for spelling in spellings}


class _Reader:
    """Reads one command line. The words still to come are at the end of `words`, the next one last."""

    def __init__(self, table: Mapping[str, Option[Any]]) -> None:
        self.flags = _flags(table)
        self.words: list[str] = []
        self.values: dict[str, object] = {}

    def read(self, arguments: Sequence[str]) -> dict[str, object]:
        self.words = list(reversed(arguments))
        only_positional = False
        while self.words:
            word = self.words.pop()
            if word == "--" and not only_positional:
                only_positional = True
            elif only_positional or not self._is_option(word):
                self._positional(word)
            elif word.startswith("--"):
                self._long(word)
            else:
                self._short(word)
        return self.values

    def _is_option(self, word: str) -> bool:
        """Tell an option from a value: -1 and "-a b" are values, unless an option begins like that."""
        if not word.startswith("-") or word == "-":
            return False
        spelling = word.partition("=")[0]
        if spelling in self.flags or (word[:2] in self.flags and word[1] != "-"):
            return True
        if word.startswith("--") and any(known.startswith(spelling) for known in self.flags):
            return True
        return " " not in word and not word[1:].replace(".", "", 1).isdecimal()

    def _positional(self, word: str) -> None:
        if _APPLICATION in self.values:
            raise UsageError(f"{word!r} is one argument too many: the application is named once, the rest are options")
        self.values[_APPLICATION] = word

    def _long(self, word: str) -> None:
        spelling, equals, value = word.partition("=")
        flag = self.flags.get(spelling) or self._abbreviated(spelling)
        if not equals:
            self._take(flag)
        elif flag.takes_value:
            self._store(flag, value)
        else:
            raise UsageError(f"argument {flag.spelled}: takes no value, but was given {value!r}")

    def _abbreviated(self, spelling: str) -> Flag:
        """Return the option that a prefix of its name stands for."""
        longer = [known for known in self.flags if known.startswith(spelling)]
        longer = [known for known in longer if known not in _STEP_ASIDE] or longer
        meant = {self.flags[known].name for known in longer}
        if len(meant) == 1:
            return self.flags[longer[0]]
        if longer:
            raise UsageError(f"ambiguous option: {spelling} could match {', '.join(longer)}")
        near = nearest(spelling, [known for known in self.flags if known.startswith("--")])
        raise UsageError(f"there is no option {spelling}" + (f"; did you mean {near}?" if near else _ALL_OPTIONS))

    def _short(self, word: str) -> None:
        """Read `-w2`, `-w=2`, `-w 2`, and several flags in a row of which the last may take a value."""
        flag = self.flags.get(word[:2])
        if flag is None:
            raise UsageError(f"there is no option {word[:2]}{_ALL_OPTIONS}")
        rest = word[2:]
        if not rest:
            self._take(flag)
        elif flag.takes_value:
            self._store(flag, rest.removeprefix("="))
        else:
            self._take(flag)
            self._short("-" + rest)

    def _take(self, flag: Flag) -> None:
        """Store an option whose value, if it needs one, is the next word."""
        if flag.name == _HELP:
            _print_help()
        if flag.name == _VERSION:
            _print_version()
        if self.words and flag.takes(self.words[-1]) and not self._is_option(self.words[-1]):
            self._store(flag, self.words.pop())
        elif flag.constant is not None:
            self.values[flag.name] = flag.constant
        else:
            raise UsageError(f"argument {flag.spelled}: expected one argument")

    def _store(self, flag: Flag, word: str) -> None:
        try:
            value = flag.text(word)
        except ValueError:
            raise UsageError(f"argument {flag.spelled}: expected a {flag.kind}, not {word!r}") from None
        if flag.repeat:
            earlier = self.values.get(flag.name)
            value = [*earlier, value] if isinstance(earlier, list) else [value]
        self.values[flag.name] = value


def say(text: str) -> None:
    """Write to standard output, at once, what of it cannot be written there being escaped.

    Raises:
        BrokenPipeError: nobody reads it any more.
    """
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def _print_help() -> NoReturn:
    from longma.config import usage

    say(usage.build().format_help())
    raise SystemExit(0)


def _print_version() -> NoReturn:
    say(f"longma (version {__version__})\n")
    raise SystemExit(0)
