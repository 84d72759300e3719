"""What somebody probably meant by a name that is no setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longma.config.callables import Hook
from longma.config.later import LATER
from longma.config.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longma.config.option import Option


def refused_names() -> frozenset[str]:
    """Return the names of Gunicorn's settings that longma does not have."""
    return frozenset(later.name for later in LATER)


def nearest_setting(name: str, table: Mapping[str, Option[Any]]) -> str:
    """Return the setting that differs from a name by a slip or two, "" when none does.

    Where a flag has that very name it is the flag's: `preload` is `preload_app`, and not `reload`.
    """
    near = nearest(name, (*table, *(later.name for later in LATER)))
    return near and (_setting_of_flag(name, table) or near)


def nearest_hook(name: str, table: Mapping[str, Option[Any]]) -> str:
    """Return the hook that differs from a name by a slip or two, "" when none does."""
    return nearest(name, [row.name for row in table.values() if isinstance(row.kind, Hook)])


def flag_hint(name: str, table: Mapping[str, Option[Any]]) -> str:
    """Return the end of a sentence that says what the setting of the flag with this name is called, "" for none."""
    setting = _setting_of_flag(name, table)
    return f"; the setting of {_flag(name)} is called {setting!r}" if setting else ""


def _setting_of_flag(name: str, table: Mapping[str, Option[Any]]) -> str:
    flags = [(row.name, row.cli) for row in table.values()] + [(row.name, row.flags) for row in LATER]
    return next((setting for setting, spelled in flags if _flag(name) in spelled), "")


def _flag(name: str) -> str:
    return "--" + name.lower().replace("_", "-")
