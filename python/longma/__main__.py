"""`python -m longma`: the same as the `longma` command."""

import sys

from longma.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
