"""Values as one place gives them, and where that place is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from longma.errors import Problem


class Source(NamedTuple):
    """Where a value comes from, in words for the operator: `default`, `command line`, `gunicorn.conf.py, line 3`."""

    name: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.name}, line {self.line}" if self.line else self.name


class Layer(NamedTuple):
    """The values of one place, not checked yet. A later layer's value replaces an earlier one's, lists included.

    Attributes:
        values: what is given, by setting.
        locate: where a setting of this layer is written. Only asked when somebody wants to know, since finding the line
            means to parse a file once more.
    """

    values: Mapping[str, object]
    locate: Callable[[str], Source]


class Reading(NamedTuple):
    """What came of a file: the settings it gives, what is wrong with its names, and what is merely worth saying."""

    layer: Layer
    problems: tuple[Problem, ...] = ()
    notices: tuple[str, ...] = ()


DEFAULT = Source("default")
