"""`Settings`: every value of the table, decided, checked and unchangeable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longma.config.option import Option, rows
from longma.config.sections.application import Application
from longma.config.sections.clients import Clients
from longma.config.sections.control import Control
from longma.config.sections.debugging import Debugging
from longma.config.sections.health import Health
from longma.config.sections.hooks import Hooks
from longma.config.sections.http2 import Http2
from longma.config.sections.inert import WithoutEffect
from longma.config.sections.leniency import Leniency
from longma.config.sections.logging import Logging
from longma.config.sections.mechanics import ServerMechanics
from longma.config.sections.metrics import Metrics
from longma.config.sections.naming import ProcessNames
from longma.config.sections.protocol import Protocols
from longma.config.sections.proxies import BehindAProxy
from longma.config.sections.security import Security
from longma.config.sections.sockets import ServerSocket
from longma.config.sections.static import StaticFiles
from longma.config.sections.statsd import Statsd
from longma.config.sections.syslog import Syslog
from longma.config.sections.threads import Threads
from longma.config.sections.tls import Tls
from longma.config.sections.workers import WorkerProcesses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longma.config.option import Section

SECTIONS: tuple[type[Section], ...] = (
    Application,
    ServerSocket,
    Protocols,
    WorkerProcesses,
    Threads,
    Clients,
    BehindAProxy,
    Security,
    Tls,
    Http2,
    Leniency,
    Health,
    Metrics,
    Control,
    StaticFiles,
    ServerMechanics,
    ProcessNames,
    Hooks,
    Logging,
    Syslog,
    Statsd,
    Debugging,
    WithoutEffect,
)


def table() -> dict[str, Option[Any]]:
    """Return every row by name, in the order of the documentation."""
    return {row.name: row for section in SECTIONS for row in rows(section)}


class Settings(
    Application,
    ServerSocket,
    Protocols,
    WorkerProcesses,
    Threads,
    Clients,
    BehindAProxy,
    Security,
    Tls,
    Http2,
    Leniency,
    Health,
    Metrics,
    Control,
    StaticFiles,
    ServerMechanics,
    ProcessNames,
    Hooks,
    Logging,
    Syslog,
    Statsd,
    Debugging,
    WithoutEffect,
):
    """The values of all settings, as attributes.

    Args:
        values: what differs from the defaults, already checked. `resolve()` is what checks; a test may write
            `Settings({"workers": 2})`.

    Raises:
        KeyError: a name is no setting.
    """

    __slots__ = ("_values",)

    _values: Mapping[str, object]

    def __init__(self, values: Mapping[str, object] | None = None) -> None:
        every: dict[str, object] = {name: row.default for name, row in table().items()}
        for name, value in (values or {}).items():
            if name not in every:
                raise KeyError(name)
            every[name] = value
        object.__setattr__(self, "_values", every)

    def value_of(self, name: str) -> object:
        return self._values[name]

    def as_mapping(self) -> dict[str, object]:
        """Return names and values, in the order of the table; a copy."""
        return dict(self._values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings cannot be changed; make another Settings to have another {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self._values == other._values

    def __hash__(self) -> int:
        return hash(tuple(self._values))

    def __repr__(self) -> str:
        rows_by_name = table().items()
        changed = (f"{name}={self._values[name]!r}" for name, row in rows_by_name if self._values[name] != row.default)
        return f"Settings({', '.join(changed)})"
