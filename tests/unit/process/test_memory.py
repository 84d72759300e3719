"""What the system says of the memory of processes."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from longma.process.memory import resident_bytes
from tests.unit.process.children import exit_code, fork

MEBIBYTE = 1 << 20


def test_memory_that_is_touched_counts():
    before = resident_bytes(os.getpid())
    assert before is not None
    assert before > MEBIBYTE
    with mmap.mmap(-1, 64 * MEBIBYTE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        block.write(b"x" * len(block))
        after = resident_bytes(os.getpid())
    assert after is not None
    assert after - before > 60 * MEBIBYTE


def test_another_process_can_be_asked_about():
    heard, told = os.pipe()
    pid = fork(lambda: (os.close(told), os.read(heard, 1)))
    os.close(heard)
    there = resident_bytes(pid)
    kib = next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in line)
    assert there is not None
    assert abs(there - kib * 1024) < 4 * MEBIBYTE
    os.close(told)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert resident_bytes(pid) == 0, "a dead process that waits for its parent has no memory"
    assert exit_code(pid) == 0
    assert resident_bytes(pid) is None
