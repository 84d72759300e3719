"""Where modules are looked for beside the usual places: the setting `pythonpath`."""

from __future__ import annotations

import os
import sys


def extend(pythonpath: str | None) -> None:
    """Look in these directories first, of several that commas separate in the last one first, as Gunicorn does."""
    for part in (pythonpath or "").split(","):
        path = os.path.abspath(part.strip())
        if part.strip() and path not in sys.path:
            sys.path.insert(0, path)
