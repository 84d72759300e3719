"""What differs between two readings of the settings, and of that, what a reload cannot apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longma.config.settings import table

if TYPE_CHECKING:
    from longma.config.settings import Settings


def restart_needed(old: Settings, new: Settings) -> tuple[str, ...]:
    """Return the names of the settings that differ and that take effect at a restart only."""
    return tuple(name for name, row in table().items() if not row.reload and old.value_of(name) != new.value_of(name))
