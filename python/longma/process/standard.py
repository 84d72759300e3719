"""The three standard descriptors, which every process takes for granted."""

from __future__ import annotations

import os

STANDARD_DESCRIPTORS = (0, 1, 2)


def fill_standard_descriptors() -> None:
    """Open /dev/null where standard input, output or error is closed.

    Otherwise the next file or socket would get that number, and the log would be written into it.
    """
    for descriptor in STANDARD_DESCRIPTORS:
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
            os.set_inheritable(descriptor, True)
