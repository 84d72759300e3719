"""Names for the types of PEP 3333. Import them under `TYPE_CHECKING`: nothing here is needed while serving."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Protocol, TypeAlias

Environ: TypeAlias = dict[str, Any]
ExceptionInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType]
Fields: TypeAlias = list[tuple[str, str]]


class StartResponse(Protocol):
    """PEP 3333, "The start_response() Callable": takes the head, returns `write`."""

    def __call__(
        self, status: str, headers: Fields, exc_info: ExceptionInfo | None = None, /
    ) -> Callable[[bytes], object]: ...


WSGIApplication: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]
