"""Real users and groups, in forks of this process."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from longma.errors import OperatorError
from longma.process import privileges
from tests.unit.process.children import exit_code, fork

USER, GROUP = 65534, 65533
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def in_child(run: Callable[[], object]) -> None:
    assert exit_code(fork(run)) == 0


@needs_root
def test_everything_of_root_is_gone():
    def run() -> None:
        os.setgroups([0, 4, 6])
        privileges.drop(USER, GROUP, initgroups=False)
        assert os.getresuid() == (USER,) * 3
        assert os.getresgid() == (GROUP,) * 3
        assert os.getgroups() == [GROUP]
        for regain in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0])):
            with pytest.raises(PermissionError):
                regain()

    in_child(run)


@needs_root
def test_the_groups_of_the_user_come_where_asked(monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, int]] = []

    def initgroups(name: str, gid: int) -> None:
        asked.append((name, gid))
        os.setgroups([gid, 4, 5])

    def run() -> None:
        monkeypatch.setattr(os, "initgroups", initgroups)
        privileges.drop(USER, GROUP, initgroups=True)
        assert asked == [("nobody", GROUP)]
        assert sorted(os.getgroups()) == [4, 5, GROUP]

    in_child(run)


@needs_root
def test_a_user_without_an_entry_has_only_the_group():
    def run() -> None:
        privileges.drop(54321, GROUP, initgroups=True)
        assert os.getresuid() == (54321,) * 3
        assert os.getgroups() == [GROUP]

    in_child(run)


@needs_root
def test_a_user_alone_leaves_the_group_but_none_of_the_others():
    def run() -> None:
        os.setgroups([0, 4, 6])
        privileges.drop(USER, 0, initgroups=False)
        assert os.getresuid() == (USER,) * 3
        assert os.getgid() == 0
        assert os.getgroups() == []

    in_child(run)


@needs_root
def test_a_group_alone_leaves_the_user():
    def run() -> None:
        privileges.drop(0, GROUP, initgroups=False)
        assert os.getresuid() == (0, 0, 0)
        assert os.getresgid() == (GROUP,) * 3

    in_child(run)


def test_nothing_happens_to_who_is_it_already():
    before = os.getresuid(), os.getresgid(), os.getgroups()
    privileges.drop(os.geteuid(), os.getegid(), initgroups=True)
    privileges.drop(0, 0, initgroups=True)
    assert (os.getresuid(), os.getresgid(), os.getgroups()) == before


@needs_root
def test_who_is_not_root_is_told_so():
    def run() -> None:
        os.setuid(USER)
        with pytest.raises(OperatorError) as caught:
            privileges.drop(54321, GROUP, initgroups=False)
        assert str(caught.value) == (
            f"cannot become user 54321 and group {GROUP}: Operation not permitted; start longma as root, or as that "
            "user and without --user and --group"
        )

    in_child(run)


@needs_root
def test_a_way_back_to_root_is_refused(monkeypatch: pytest.MonkeyPatch):
    def run() -> None:
        # A kernel that leaves the saved user is what an os.setuid() that sets the effective one alone looks like.
        monkeypatch.setattr(os, "setuid", os.seteuid)
        with pytest.raises(OperatorError, match=r"did not become user nobody|could become root again"):
            privileges.drop(USER, GROUP, initgroups=False)

    in_child(run)


@needs_root
def test_a_regular_file_is_given_away_and_nothing_else(tmp_path: Path):
    log, pipe = tmp_path / "log", tmp_path / "pipe"
    log.touch()
    os.mkfifo(pipe)
    for target in (log, pipe, os.devnull, tmp_path, tmp_path / "missing"):
        privileges.give(str(target), USER, GROUP)
    owners = [(os.stat(target).st_uid, os.stat(target).st_gid) for target in (log, pipe, os.devnull, tmp_path)]
    assert owners == [(USER, GROUP), (0, 0), (0, 0), (0, 0)]
    with log.open() as opened:
        privileges.give(opened.fileno(), 0, 0)
        assert stat.S_ISREG(os.fstat(opened.fileno()).st_mode)
    assert os.stat(log).st_uid == 0
