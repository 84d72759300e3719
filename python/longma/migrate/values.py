"""The value of an option: text, of which parts may be known only when the new configuration file is run.

uWSGI puts environment variables and the number of processors into values. They stay what they are, as Python
expressions, so that one file still serves several places.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

MEGABYTE = 1 << 20


class Code(NamedTuple):
    """A Python expression of the new file; a number when `is_number`, else text."""

    source: str
    is_number: bool = False

    def as_text(self) -> str:
        return f"str({self.source})" if self.is_number else self.source

    def as_number(self) -> str:
        return self.source if self.is_number else f"int({self.source})"


Part: TypeAlias = str | Code


class Text(NamedTuple):
    """A value, in parts that stand one after the other."""

    parts: tuple[Part, ...] = ()

    @property
    def literal(self) -> str | None:
        """The text itself, None when a part of it is not known yet."""
        if all(isinstance(part, str) for part in self.parts):
            return "".join(part for part in self.parts if isinstance(part, str))
        return None

    @property
    def shown(self) -> str:
        """The value for a comment: what is not known yet in braces."""
        return "".join(part if isinstance(part, str) else f"{{{part.source}}}" for part in self.parts)

    @property
    def code(self) -> str:
        """The value as a Python expression that gives a string."""
        literal = self.literal
        if literal is not None:
            return quoted(literal)
        return " + ".join(quoted(part) if isinstance(part, str) else part.as_text() for part in self.parts)

    @property
    def number(self) -> str | None:
        """The value as a Python expression that gives a whole number, None when it is no number."""
        literal = self.literal
        if literal is not None:
            digits = literal.strip()
            return str(int(digits)) if digits.isascii() and digits.isdecimal() else None
        if len(self.parts) == 1 and isinstance(self.parts[0], Code):
            return self.parts[0].as_number()
        return f"int({self.code})"

    @property
    def is_true(self) -> bool:
        """What uWSGI makes of it as a flag: true unless it says no."""
        return (self.literal or "true").lower() not in ("false", "off", "no", "0")

    def without_prefix(self, prefix: str) -> Text:
        """The value without the text it begins with, when it does."""
        if self.parts and isinstance(self.parts[0], str):
            return Text(joined((self.parts[0].removeprefix(prefix), *self.parts[1:])))
        return self

    def with_prefix(self, prefix: str) -> Text:
        return Text(joined((prefix, *self.parts)))

    def with_suffix(self, suffix: str) -> Text:
        return Text(joined((*self.parts, suffix)))

    def split(self, separator: str, most: int = -1) -> list[Text]:
        """The pieces between separators that are known, `most` of which count; as `str.split` does it."""
        pieces: list[list[Part]] = [[]]
        for part in self.parts:
            if not isinstance(part, str):
                pieces[-1].append(part)
                continue
            first, *others = part.split(separator, -1 if most < 0 else most - len(pieces) + 1)
            pieces[-1].append(first)
            pieces += [[other] for other in others]
        return [Text(joined(tuple(piece))) for piece in pieces]

    def starts_with(self, *prefixes: str) -> bool:
        return bool(self.parts) and isinstance(self.parts[0], str) and self.parts[0].startswith(prefixes)


def text(literal: str) -> Text:
    """A value that is known."""
    return Text((literal,) if literal else ())


def joined(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The parts with neighbouring pieces of known text made one, and empty ones left out."""
    whole: list[Part] = []
    for part in parts:
        if isinstance(part, str) and whole and isinstance(whole[-1], str):
            whole[-1] += part
        elif part != "":
            whole.append(part)
    return tuple(whole)


def quoted(literal: str) -> str:
    """The text as a Python string in double quotes, as the files of this project write them."""
    shown = repr(literal)
    if shown.startswith("'") and '"' not in shown:
        return f'"{shown[1:-1]}"'
    return shown
