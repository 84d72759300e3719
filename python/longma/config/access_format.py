"""What `access_log_format` may hold, told at the start: a line that cannot be made would be told with every request."""

from __future__ import annotations

import re

NUMBERS = frozenset("BTMD")
# An atom, with the width of Python's own formatting if need be, or the sign itself.
ATOM = re.compile(r"%(?:%|\((?P<name>[^()]*)\)[-0]*[0-9]{0,3}(?P<kind>[sdiu]))")


def fault_of(form: str) -> str:
    """Return what a format must do that it does not; "" where nothing is wrong with it."""
    at = form.find("%")
    while at >= 0:
        found = ATOM.match(form, at)
        if found is None:
            return f"hold atoms such as %(r)s or %(h)15s, and %% for a sign: {form[at : at + 16]!r} is neither"
        if found["kind"] not in (None, "s") and found["name"] not in NUMBERS:
            return f"end atoms with s, as {found[0]!r} does not: only B, T, M and D are numbers"
        at = form.find("%", found.end())
    return ""
