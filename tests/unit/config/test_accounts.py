"""Users and groups, by number and by name."""

from __future__ import annotations

import grp
import os
import pwd
import re
from collections.abc import Callable

import pytest

from longma.config import accounts


def test_a_name_becomes_its_number():
    me, mine = pwd.getpwuid(os.geteuid()), grp.getgrgid(os.getegid())
    assert accounts.user(f" {me.pw_name} ") == me.pw_uid
    assert accounts.group(mine.gr_name) == mine.gr_gid


@pytest.mark.parametrize("parse", [accounts.user, accounts.group])
def test_a_number_is_taken_as_it_is(parse: Callable[[object], int]):
    assert parse(65533) == parse("65533") == 65533
    assert parse(0) == parse(" 0 ") == 0


def test_nobody_named_is_whoever_runs_this():
    assert accounts.user(None) == os.geteuid()
    assert accounts.group(None) == os.getegid()


@pytest.mark.parametrize(
    ("parse", "given", "words"),
    [
        (accounts.user, "no-such-one", "be a user of this machine: there is no 'no-such-one'"),
        (accounts.group, "no-such-one", "be a group of this machine: there is no 'no-such-one'"),
        (accounts.user, -1, "be the name or number of a user, not -1"),
        (accounts.group, "", "be the name or number of a group, not ''"),
        (accounts.user, True, "be the name or number of a user, not True"),
        (accounts.user, 2**32, "be the name or number of a user, not 4294967296"),
        (accounts.group, 1.5, "be the name or number of a group, not 1.5"),
    ],
)
def test_whoever_is_unknown_is_refused(parse: Callable[[object], int], given: object, words: str):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        parse(given)
