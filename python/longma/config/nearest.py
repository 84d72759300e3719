"""Which known name somebody probably meant. `difflib` would do, but brings more than the thirty lines it saves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def distance(first: str, second: str) -> int:
    """Return how many characters must be added, removed, replaced or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, left in enumerate(first, start=1):
        before_that, before = before, row
        row = [i]
        for j, right in enumerate(second, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == second[j - 2] and first[i - 2] == right:
                cost = min(cost, before_that[j - 2] + 1)
            row.append(cost)
    return row[-1]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that differs from `name` by a slip or two, or "" when none does.

    One slip is allowed up to five characters, two up to nine, three beyond; case and the choice between `-` and `_` do
    not count as slips.
    """
    wanted = _plain(name)
    allowed = 1 + (len(wanted) > 5) + (len(wanted) > 9)
    best, fewest = "", allowed + 1
    for candidate in known:
        slips = distance(wanted, _plain(candidate))
        if slips < fewest:
            best, fewest = candidate, slips
    return best


def _plain(name: str) -> str:
    return name.lower().strip("-_").replace("_", "-")
