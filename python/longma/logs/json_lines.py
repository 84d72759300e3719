"""Records as JSON, one object a line: `log_format = "json"`. Imported only where that is asked for."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from longma.logs.levels import name_of

if TYPE_CHECKING:
    from longma.logs.record import Record


def json_text(record: Record) -> str:
    """Return the record as a JSON object in ASCII: every control, quote and line feed in it is an escape."""
    members: dict[str, object] = {
        "time": timestamp(record.moment),
        "level": name_of(record.level),
        "logger": record.logger,
        "pid": record.pid,
        **({"message": record.message} if record.members is None else record.members),
    }
    if record.exception:
        members["exception"] = record.exception
    return json.dumps(members)


def json_line(record: Record) -> bytes:
    return (record.text or json_text(record)).encode("utf-8", "backslashreplace") + b"\n"


def timestamp(moment: float) -> str:
    """Return the moment in UTC, to the millisecond, as RFC 3339 §5.6 writes it."""
    milliseconds = int(moment * 1000)
    seconds = time.gmtime(milliseconds // 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', seconds)}.{milliseconds % 1000:03d}Z"
