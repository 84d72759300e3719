"""An application that is loaded for ever: it imports the same small modules again and again."""

from __future__ import annotations

import importlib
import sys

from tests.apps.gate import report

MODULES = ("colorsys", "sched", "this_is_none", "quopri", "stringprep", "sndhdr_none", "getopt", "fileinput")

report("loading")
while True:
    for name in MODULES:
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        try:
            importlib.import_module(name)
        except ImportError:
            continue
