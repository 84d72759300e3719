"""A Unix socket at a path of its own, in the company of others that want the same."""

from __future__ import annotations

import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from longma.errors import AddressError
from longma.net.meeting import MeetingPoint, check
from tests.support.deadlines import DEADLINE_SECONDS


@pytest.fixture
def path(short_directory: str) -> str:
    return f"{short_directory}/ctl"


def leave_stale(path: str) -> None:
    """As a process does that was killed."""
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(path)


def test_of_two_that_find_the_same_stale_socket_one_has_it(path: str, monkeypatch: pytest.MonkeyPatch):
    """The second one comes just when the first has found that nobody listens, and is about to remove it."""
    leave_stale(path)
    monkeypatch.setattr("longma.net.meeting._TURN_SECONDS", DEADLINE_SECONDS)
    remove = os.unlink
    won: list[MeetingPoint] = []
    lost: list[str] = []

    def take() -> None:
        try:
            won.append(MeetingPoint(path, 0o600))
        except AddressError as error:
            lost.append(str(error))

    second = threading.Thread(target=take)

    def interrupted(stale: str) -> None:
        monkeypatch.setattr("os.unlink", remove)
        second.start()
        second.join(0.1)  # it has to wait for its turn, and would else be done by now
        remove(stale)

    monkeypatch.setattr("os.unlink", interrupted)
    take()
    second.join()
    assert (len(won), len(lost)) == (1, 1)
    assert "listens there: choose another path" in lost[0]
    assert won[0].is_found()
    won[0].give_up()


def test_the_mode_is_exact_whatever_the_mask(path: str):
    before = os.umask(0o077)
    try:
        point = MeetingPoint(path, 0o666)
    finally:
        assert os.umask(before) == 0o077
    assert stat.S_IMODE(os.lstat(path).st_mode) == 0o666
    point.permit(0o600)
    assert stat.S_IMODE(os.lstat(path).st_mode) == 0o600
    point.give_up()


def test_the_mode_is_there_from_the_first_moment(path: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.chmod", lambda *_: None)
    point = MeetingPoint(path, 0o600)
    assert stat.S_IMODE(os.lstat(path).st_mode) == 0o600
    point.give_up()


def test_it_moves_over_what_is_stale_and_not_over_what_lives(path: str):
    point, other = MeetingPoint(path, 0o600), MeetingPoint(f"{path}.b", 0o600)
    with pytest.raises(AddressError, match="this server itself listens there: choose another path"):
        point.move(other.path)
    assert point.is_found()
    leave_stale(f"{path}.c")
    point.move(f"{path}.c")
    assert (point.path, point.is_found(), os.path.lexists(path)) == (f"{path}.c", True, False)
    point.give_up()
    other.give_up()
    assert os.listdir(os.path.dirname(path)) == []


def test_a_path_can_be_tried_and_nothing_changes(path: str):
    leave_stale(path)
    check(path)
    check(f"{path}.d/e/f")
    assert os.listdir(os.path.dirname(path)) == ["ctl"]
    Path(f"{path}.file").touch()
    for bad, words in (
        (f"{path}.file", "File exists"),
        (f"{path}.file/ctl", "Not a directory"),
        ("/proc/ctl", "Permission denied" if os.geteuid() else ""),
    ):
        if words:
            with pytest.raises(AddressError, match=words):
                check(bad)
    point = MeetingPoint(path, 0o600)
    with pytest.raises(AddressError, match="in use"):
        check(path)
    point.give_up()


def test_where_no_file_can_be_made_the_directory_is_named():
    with pytest.raises(AddressError, match=r"^control_socket /proc/ctl: .*; .*/proc"):
        MeetingPoint("/proc/ctl", 0o600)
