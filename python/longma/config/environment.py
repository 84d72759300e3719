"""The settings that the environment gives: `PORT`, `WEB_CONCURRENCY` and the like, one variable a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longma.config.layer import Layer, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longma.config.option import Option


def layer(table: Mapping[str, Option[Any]], environ: Mapping[str, str]) -> Layer:
    """Return what the environment sets.

    What an empty variable means is said by the row: `PORT=` is how compose files write "unset", `FORWARDED_ALLOW_IPS=`
    trusts nobody, and `WEB_CONCURRENCY=` is a number that somebody's script failed to compute.
    """
    given: dict[str, object] = {}
    for name, row in table.items():
        value = row.from_env(environ[row.env]) if row.env in environ else None
        if value is not None:
            given[name] = value
    return Layer(given, lambda name: Source(f"environment variable {table[name].env}"))
