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

ROUNDS = 30
RIVALS = 4


@pytest.fixture
def path(short_directory: str) -> str:
    return f"{short_directory}/ctl"


def leave_stale(path: str) -> None:
    """As a process does that was killed."""
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(path)


def test_of_those_that_find_the_same_stale_socket_one_has_it(path: str):
    for _ in range(ROUNDS):
        leave_stale(path)
        together = threading.Barrier(RIVALS)
        won: list[MeetingPoint] = []
        lost: list[str] = []

        def rival(
            together: threading.Barrier = together, won: list[MeetingPoint] = won, lost: list[str] = lost
        ) -> None:
            together.wait()
            try:
                won.append(MeetingPoint(path, 0o600))
            except AddressError as error:
                lost.append(str(error))

        threads = [threading.Thread(target=rival) for _ in range(RIVALS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(won), len(lost)) == (1, RIVALS - 1), lost
        assert won[0].is_found()
        won[0].give_up()
        assert not os.path.lexists(path)


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
