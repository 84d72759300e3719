"""What `ps` and `top` call a process."""

from __future__ import annotations

import sys


def set_title(text: str) -> None:
    """Show `text` as the process's command line, where the package setproctitle is installed.

    Does nothing on macOS, where the call is not safe after a fork.
    """
    if sys.platform == "darwin":
        return
    try:
        from setproctitle import setproctitle
    except ImportError:
        return
    setproctitle(text)
