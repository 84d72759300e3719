"""A process that was started without standard descriptors gets them before anything else can take their numbers."""

from __future__ import annotations

import os

from longma.process.standard import fill_standard_descriptors
from tests.unit.process.children import exit_code, fork


def test_closed_descriptors_are_opened_and_open_ones_left_alone():
    def run() -> None:
        with open(os.devnull) as other:
            os.dup2(other.fileno(), 1)
        before = os.fstat(1)
        os.close(0)
        os.close(2)
        fill_standard_descriptors()
        assert os.fstat(1) == before
        assert os.write(2, b"into the void") == 13
        assert os.read(0, 1) == b""
        assert os.get_inheritable(0)
        assert os.get_inheritable(2)

    assert exit_code(fork(run)) == 0
