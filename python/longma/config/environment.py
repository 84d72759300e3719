"""The settings that the environment gives: `PORT`, `WEB_CONCURRENCY` and the like, one variable a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longma.config.layer import Layer, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longma.config.option import Option


def layer(table: Mapping[str, Option[Any]], environ: Mapping[str, str]) -> Layer:
    """Return what the environment sets. An empty variable counts as absent: that is how compose files write "unset"."""
    given = {
        name: row.from_env(environ[row.env])
        for name, row in table.items()
        if row.env and environ.get(row.env, "").strip()
    }
    return Layer(given, lambda name: Source(f"environment variable {table[name].env}"))
