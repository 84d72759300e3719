"""The words for an application that failed while it answered a request."""

from __future__ import annotations

from longma.logs.escape import escaped


def describe(method: str, path: str) -> str:
    """Return the first line of the log record, which the traceback follows."""
    return f"Error handling request {escaped(method)} {escaped(path)}".replace("\n", "\\n")
