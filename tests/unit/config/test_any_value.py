"""Whatever a file may hold for a setting: it is taken, or refused in words; never a traceback."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from longma.config.callables import Hook
from longma.config.option import Option
from longma.config.render import assignment
from longma.config.settings import table

# One row for each check that there is: many rows share theirs.
ROWS = {row.kind.parse.__qualname__: row for row in table().values()}
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "auto", "1", "-1", "0x10", "1.5K", "9" * 5000, "1e999", "true", "*", "::1", "10.0.0.0/8"]
    ),
    st.sampled_from(["\0", "\udc80", "a=b", "unix:", "unix:/a", "udp://a:1", "[::1]:5", "fd://3", "root", "nobody"]),
)
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.binary(max_size=4), st.just(object()), st.just(int)
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(TEXTS, PLAIN), inner)),
    max_leaves=4,
)


def outcome(row: Option[Any], value: object) -> object:
    """What the check makes of a value: another one, or the error that refuses it."""
    try:
        return row.kind.parse(value)
    except ValueError as error:
        return error


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
@settings(max_examples=60)
@given(value=VALUES)
@example(value="\udc80")
@example(value=[["\0"]])
@example(value=float("inf"))
@example(value=10**400)
@example(value=[","])
def test_any_value_is_taken_or_refused_in_words(row: Option[Any], value: object):
    assume(not (isinstance(row.kind, Hook) and isinstance(value, str)))  # it would be imported
    taken = outcome(row, value)
    if isinstance(taken, Exception):
        assert type(taken) is ValueError
        assert taken.args
        assert all(isinstance(words, str) and "\n" not in words for words in taken.args)
    else:
        assert row.kind.parse(taken) == taken
        written: dict[str, object] = {}
        exec(assignment(row, taken), written)
        # A function is a comment, a class its name.
        assert callable(taken) or row.name not in written or row.kind.parse(written[row.name]) == taken
