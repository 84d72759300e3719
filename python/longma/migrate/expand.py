"""What uWSGI makes of the entries before it looks at them as options: magic variables, placeholders, `for` and `if`.

`%n` and its like are made from the name of the file, `%(name)` is the value of another entry, with arithmetic,
`$(NAME)` is an environment variable. `for` repeats what follows. What hangs on an `if` is marked with the condition,
since its answer belongs to the machine that serves.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from longma.migrate.values import Code, Part, Text, joined, quoted, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from longma.migrate.ini import Entry

MAX_DEPTH: Final = 8  # placeholders that name each other in a circle end here
MAX_REPEATS: Final = 1000
REFERENCE: Final = re.compile(r"%\((?P<placeholder>[^)]*)\)|\$\((?P<variable>[^)]*)\)|%(?P<magic>[^(])")
PLACEHOLDER_SETTERS: Final = frozenset({"set", "set-ph", "set-placeholder"})
LOOPS: Final = frozenset({"for", "for-times"})
ENDS: Final = frozenset({"end", "endfor", "end-for", "endif", "end-if"})
OPERATORS: Final = frozenset({"+", "-", "*", "/"})
STEPS: Final = frozenset({"++", "--"})


class Option(NamedTuple):
    """An option as uWSGI would see it.

    Attributes:
        condition: what the file makes it depend on, "" when nothing.
    """

    name: str
    value: Text
    line: int
    condition: str = ""

    @property
    def shown(self) -> str:
        """The option for a comment."""
        return f"{self.name} = {self.value.shown}" if self.value.parts else self.name


class Place(NamedTuple):
    """The file that is read: its absolute path as the magic variables know it, and the section, "" unless named."""

    path: str
    given: str
    section: str

    def magic(self, letter: str) -> Part:
        """The value of a magic variable; what is none vanishes, as in uWSGI."""
        directory, file = os.path.split(self.path)
        if letter.isdecimal():
            components = directory.split("/")
            return components[int(letter)] if int(letter) < len(components) else ""
        stem, _, extension = file.rpartition(".")
        known: dict[str, Part] = {
            "%": "%",
            "o": self.given,
            "p": self.path,
            "s": file,
            "d": directory + "/",
            "e": extension,
            "n": stem or file,
            "c": os.path.basename(directory),
            "x": self.section,
            "v": Code("os.getcwd()"),
            "h": Code("os.uname().nodename"),
            "k": Code("os.cpu_count()", is_number=True),
            "u": Code("os.getuid()", is_number=True),
            "g": Code("os.getgid()", is_number=True),
            "U": Code("pwd.getpwuid(os.getuid()).pw_name"),
            "G": Code("grp.getgrgid(os.getgid()).gr_name"),
            "t": Code("int(time.time())", is_number=True),
        }
        # The capitals mean the first file where files include each other.
        return known.get(letter.lower() if letter in "OPSDENCX" else letter, "")


def expand(entries: Sequence[Entry], place: Place) -> list[Option]:
    """Return the options of a section, in order, with their values put together."""
    values: dict[str, str] = {}
    for entry in entries:
        name, _, value = (
            entry.value.partition("=") if entry.name in PLACEHOLDER_SETTERS else (entry.name, "", entry.value)
        )
        values.setdefault(name, value)
    expansion = Expansion(values, place)
    return [
        Option(entry.name, expansion.text(entry.value), entry.line, condition)
        for entry, condition in unrolled(entries)
        if entry.name not in PLACEHOLDER_SETTERS
    ]


def placeholders_used(entries: Sequence[Entry]) -> set[str]:
    """The names that values refer to."""
    found: set[str] = set()
    for entry in entries:
        for reference in REFERENCE.finditer(entry.value):
            found.update((reference["placeholder"] or "").split())
    return found


def unrolled(entries: Sequence[Entry]) -> Iterator[tuple[Entry, str]]:
    """Each entry as often as `for` repeats it, with the `if` it hangs on."""
    loop, condition = [""], ""
    for entry in entries:
        if entry.name in ENDS:
            loop, condition = [""], ""
        elif entry.name == "else":
            condition = f"not {condition}" if condition else ""
        elif entry.name == "for":
            loop = entry.value.split()
        elif entry.name == "for-times":
            loop = [str(number) for number in range(1, min(whole(entry.value), MAX_REPEATS) + 1)]
        elif entry.name.startswith(("for-", "if-", "ifenv", "ifdir", "ifexists", "ifplugin", "iffile", "ifopt")):
            condition = f"{entry.name} = {entry.value}" if entry.value else entry.name
        else:
            for item in loop:
                value = entry.value.replace("%(_)", item) if item else entry.value
                yield entry._replace(value=value), condition


def whole(digits: str) -> int:
    return int(digits) if digits.isascii() and digits.isdecimal() else 0


class Expansion(NamedTuple):
    """Puts values together; `values` are those of the file, the first of each name."""

    values: dict[str, str]
    place: Place

    def text(self, value: str, depth: int = 0) -> Text:
        """The value with everything in it that stands for something else put in."""
        if value.startswith("@(") and value.endswith(")"):
            return Text((Code(f"pathlib.Path({value[2:-1]!r}).read_text().strip()"),))
        parts: list[Part] = []
        end = 0
        for reference in REFERENCE.finditer(value):
            parts.append(value[end : reference.start()])
            end = reference.end()
            parts += self.parts_of(reference, depth)
        parts.append(value[end:])
        return Text(joined(tuple(parts)))

    def parts_of(self, reference: re.Match[str], depth: int) -> tuple[Part, ...]:
        if variable := reference["variable"]:
            return (Code(f"os.environ[{quoted(variable)}]"),)
        if letter := reference["magic"]:
            return (self.place.magic(letter),)
        found = self.placeholder(reference["placeholder"] or "", depth)
        # A name that nobody gave stays as it is; log formats are full of them.
        return (reference[0],) if found is None else found.parts

    def placeholder(self, name: str, depth: int) -> Text | None:
        """The value of `%(name)`, None when there is none."""
        if " " in name.strip():
            return self.calculated(name.split(), depth)
        value = self.values.get(name)
        return None if value is None or depth > MAX_DEPTH else self.text(value, depth + 1)

    def calculated(self, words: list[str], depth: int) -> Text | None:
        """The result of `%(a + b)`: from left to right without precedence; without an operator, put together."""
        result: Text | None = None
        operator = ""
        for word in words:
            if word in OPERATORS:
                operator = word
                continue
            if word in STEPS:
                result = arithmetic(result, word[0], text("1"))
                continue
            operand = self.operand(word, depth)
            if result is None:
                result = operand
            elif operator:
                result, operator = arithmetic(result, operator, operand), ""
            else:
                result = Text(joined((*result.parts, *operand.parts)))
        return result

    def operand(self, word: str, depth: int) -> Text:
        """A word of a formula: a name, a magic variable, or itself."""
        if word in self.values:
            return self.placeholder(word, depth) or text(word)
        return self.text(word, depth + 1)


def arithmetic(left: Text | None, operator: str, right: Text) -> Text:
    """The result of whole-number arithmetic; a Python expression where a side is not known yet."""
    here, there = (left or text("0")).number or "0", right.number or "0"
    if here.isdecimal() and there.isdecimal():
        one, other = int(here), int(there)
        results = {"+": one + other, "-": one - other, "*": one * other, "/": one // other if other else 0}
        return text(str(results[operator]))
    return Text((Code(f"({here} {'//' if operator == '/' else operator} {there})", is_number=True),))
