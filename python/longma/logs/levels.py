"""How grave a record is: the numbers of the standard library, the names Gunicorn writes."""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """Compare them as numbers: a record is written when it is at least as grave as the log's threshold."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


def level_named(name: str) -> Level:
    """Return the level of a `loglevel` setting, which the settings have checked; case does not matter."""
    return Level[name.upper()]


def name_of(level: int) -> str:
    """The name of the gravest level that is not above this number, as the record shows it."""
    return max((known for known in Level if known <= level), default=Level.DEBUG).name
