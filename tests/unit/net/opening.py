"""Listeners for the tests: opened with a clock of the tests' own, and closed after each."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from longma.clock import Clock
from longma.config.settings import Settings
from longma.errors import AddressError
from longma.net.listeners import Listener, open_listeners

LINUX = sys.platform == "linux"


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


class FakeClock(Clock):
    """A clock that only moves when somebody sleeps; `while_asleep` then happens."""

    __slots__ = ("slept", "while_asleep")

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.while_asleep: list[object] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.while_asleep:
            self.while_asleep.pop()()  # type: ignore[operator]


class Opened:
    """Opens listeners and remembers what was logged; everything is closed after the test."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.log: list[tuple[int, str]] = []
        self.clock = FakeClock()

    def __call__(self, *bind: str, how: Mapping[str, Any] | None = None, **values: object) -> tuple[Listener, ...]:
        """Listen at these addresses with these settings; `how` is what else `open_listeners` takes."""
        settings = Settings({"bind": bind, **values})
        listeners = open_listeners(
            settings, log=lambda level, line: self.log.append((level, line)), clock=self.clock, **(how or {})
        )
        for listener in listeners:
            self.stack.callback(listener.close)
        return listeners

    def refused(self, *bind: str, how: Mapping[str, Any] | None = None, **values: object) -> str:
        """What an operator reads where this cannot be listened on."""
        with pytest.raises(AddressError) as caught:
            self(*bind, how=how, **values)
        return str(caught.value)


def look(listener: Listener) -> socket.socket:
    """A socket object of the standard library for the listener's descriptor."""
    return socket.socket(fileno=os.dup(listener.fileno()))
