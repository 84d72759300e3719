"""Applications made by a call in the application's name, and things that are none."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.apps.common import Environ, Start

not_callable = 42
nothing = None


def make(greeting: str = "hello", *, times: int = 1) -> Callable[[Environ, Start], Iterable[bytes]]:
    """An application that says the greeting as often as it was told."""

    def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [(greeting * times).encode()]

    return application


def make_nothing() -> None:
    """A factory that forgot to return."""


def needs_argument(argument: str) -> None:
    """A factory that cannot be called without an argument."""
