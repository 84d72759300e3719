"""Compare longma with other servers on this machine: `python bench/run.py --help`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from longma_bench.cli import main

if __name__ == "__main__":
    sys.exit(main())
