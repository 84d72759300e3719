"""Text from elsewhere, made safe to stand in a log.

A client or an application can put any text into a message. None of it may move the cursor of the terminal that shows
the log, and none of it may look like a record of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from re import Match

# The C0 controls but TAB and LF, DEL, and the C1 controls, which some terminals obey as well.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# A record begins with a bracket at the start of a line; a later line of a message must not.
FORGED_START = re.compile(r"\n(?=\[)")


def escaped(text: str) -> str:
    r"""Return the text with controls shown as \xNN; lines stay lines, and none but the first can pass for a record."""
    if text.isprintable():
        return text
    return FORGED_START.sub("\n ", CONTROL.sub(shown, text))


def shown(control: Match[str]) -> str:
    return f"\\x{ord(control[0]):02x}"
