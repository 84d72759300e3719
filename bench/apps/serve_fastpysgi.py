"""Run fastpysgi, whose command line knows no number of workers: serve_fastpysgi.py MODULE:CALLABLE PORT WORKERS."""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    import fastpysgi

    module, _, name = sys.argv[1].partition(":")
    application = getattr(importlib.import_module(module), name)
    fastpysgi.server.init(application, "127.0.0.1", int(sys.argv[2]), workers=int(sys.argv[3]))
    fastpysgi.server.run()


if __name__ == "__main__":
    main()
