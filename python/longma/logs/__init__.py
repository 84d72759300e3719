"""Where the server writes what happened. The access log's lines are made in the core; its file is checked here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longma.logs.classic import Logger

__all__ = ["Logger"]


def __getattr__(name: str) -> Any:
    """Give `Logger` when it is asked for: it brings the standard library's logging along."""
    if name == "Logger":
        from longma.logs.classic import Logger

        return Logger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
