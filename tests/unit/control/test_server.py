"""The control socket in a master that only pretends: who is let in, and who has to go."""

from __future__ import annotations

import resource
import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from longma.control.commands import Command
from longma.control.messages import Refused
from longma.control.server import MAX_VISITORS, SHORTAGE_SECONDS, Control, Giver
from longma.control.visitor import IDLE_SECONDS
from tests.support.control import ControlClient, framed


@pytest.fixture
def path(short_directory: str) -> str:
    return f"{short_directory}/ctl"


@pytest.fixture
def control(path: str) -> Iterator[Control]:
    control = Control(path, 0o600)
    yield control
    control.close()


def obey(command: Command, giver: Giver) -> dict[str, Any]:
    if giver.words == "reload":
        raise Refused("not now")
    return {"command": type(command).__name__, "words": giver.words}


def turn(control: Control, now: float = 0.0) -> None:
    """One turn of a master's loop."""
    waiting = select.poll()
    control.register(waiting, now)
    control.attend(frozenset(descriptor for descriptor, _ in waiting.poll(0)), now, obey)


def test_one_command_of_each_client_a_turn(control: Control, path: str):
    with ControlClient(path) as first, ControlClient(path) as second:
        turn(control)
        first.send(framed({"id": 1, "command": "help"}) * 2)
        second.request("reload")
        turn(control)
        assert first.read()["data"] == {"command": "Help", "words": "help"}
        assert second.read()["error"] == "not now"
        assert control.wake_at(5.0) == 5.0  # there is more to do at once
        turn(control)
        assert first.read()["data"]["words"] == "help"
        assert control.wake_at(5.0) == IDLE_SECONDS


def test_who_is_silent_for_too_long_is_let_go(control: Control, path: str):
    with ControlClient(path) as client:
        turn(control)
        turn(control, IDLE_SECONDS)
        assert client.is_ended()
    assert control.wake_at(0.0) is None


def test_at_the_bound_who_was_silent_longest_makes_room(control: Control, path: str):
    clients = []
    for number in range(MAX_VISITORS):
        clients.append(ControlClient(path))
        turn(control, float(number))
    clients[0].request("help")
    turn(control, 100.0)
    with ControlClient(path) as last:
        turn(control, 101.0)
        assert clients[1].is_ended()
        last.request("help")
        turn(control, 102.0)
        assert last.read()["status"] == clients[0].read()["status"] == "ok"
    for client in clients:
        client.close()


def test_without_a_descriptor_left_it_waits_instead_of_spinning(control: Control, path: str):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ControlClient(path) as client:
        with socket.socket() as highest:
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest.fileno(), hard))
        try:
            waiting = select.poll()
            control.register(waiting, 0.0)
            ready = frozenset(descriptor for descriptor, _ in waiting.poll(0))
            control.attend(ready, 0.0, obey)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert control.wake_at(0.0) == SHORTAGE_SECONDS
        turn(control, 0.5)
        client.request("help")
        turn(control, SHORTAGE_SECONDS)
        turn(control, SHORTAGE_SECONDS)
        assert client.read()["status"] == "ok"
