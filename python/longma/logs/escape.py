"""Text from elsewhere, made safe to stand in a log.

A client or an application can put any text into a message. None of it may move the cursor of the terminal that shows
the log, and none of it may look like a record of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from re import Match

# The C0 controls but TAB and LF, DEL, the C1 controls, which some terminals obey as well, the separators that some
# viewers begin a line at, and the marks that turn the direction of what is shown around them.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# A record begins with a bracket at the start of a line; a later line of a message must not.
FORGED_START = re.compile(r"\n(?=\[)")
# What may not stand as it is within a field of an access line: all but printable ASCII, the quote and the backslash.
UNFIT_FOR_FIELD = re.compile(r'[^\x20-\x7e]|["\\]')
# How syslog daemons themselves show a line feed within a message.
SYSLOG_LINE_FEED = "#012"


def escaped(text: str) -> str:
    r"""Return the text with controls shown as \xNN; lines stay lines, and none but the first can pass for a record."""
    if text.isprintable():
        return text
    return FORGED_START.sub("\n ", CONTROL.sub(shown, text))


def one_line(text: str) -> str:
    """Return the text as `escaped`, with line feeds shown too: for where each line is taken for a record."""
    return escaped(text).replace("\n", SYSLOG_LINE_FEED)


def field(text: str) -> str:
    r"""Return the text as it may stand between quotes in an access line: `"` and `\` get a backslash, the rest \xNN."""
    return UNFIT_FOR_FIELD.sub(shown_in_field, text)


def shown(control: Match[str]) -> str:
    code = ord(control[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def shown_in_field(character: Match[str]) -> str:
    if character[0] in '"\\':
        return f"\\{character[0]}"
    # The bytes, as the core writes them: a native string holds one per character, other text is sent as UTF-8.
    octets = character[0].encode("latin-1" if ord(character[0]) < 0x100 else "utf-8", "surrogatepass")
    return "".join(f"\\x{octet:02x}" for octet in octets)
