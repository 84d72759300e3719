"""The settings that a program gives which has longma in it, instead of a command line."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from longma.config.layer import Layer, Reading, Source
from longma.config.unknown import nearest_setting, refused_names
from longma.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from longma.config.option import Option

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
_SOURCE: Final = Source("the program")


class Given(NamedTuple):
    """What the program says.

    Attributes:
        settings: its values, which win over all others.
        defaults: those that lose to a configuration file and to the command line.
        alone: no file and no command line is read, only the single environment variables.
        again: what a reload has the program say it anew by; None where it has said all that it will.
    """

    settings: Mapping[str, object] = _NOTHING
    defaults: Mapping[str, object] = _NOTHING
    alone: bool = False
    again: Callable[[], Given] | None = None

    def readings(self, table: Mapping[str, Option[Any]]) -> tuple[Reading, Reading]:
        """Return the defaults, and what wins."""
        return _reading(self.defaults, table), _reading(self.settings, table)


def _reading(values: Mapping[str, object], table: Mapping[str, Option[Any]]) -> Reading:
    known = {name: value for name, value in values.items() if name in table or name in refused_names()}
    problems = tuple(Problem(unknown(name, table), str(_SOURCE)) for name in values if name not in known)
    return Reading(Layer(known, lambda _: _SOURCE), problems)


def unknown(name: str, table: Mapping[str, Option[Any]]) -> str:
    """Return what to say of a name that is no setting."""
    near = nearest_setting(name, table)
    return f"unknown setting {name!r}" + (f"; did you mean {near!r}?" if near else "")
