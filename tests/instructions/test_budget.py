"""A request's budget of user-space instructions. Instructions, not seconds: they are the same on a busy machine.

Counted by callgrind as the difference of two runs of the real server, master and worker together, so everything a
request costs is in it: polling, reading, parsing, environ, the application itself, the answer, the board.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.longma_bench.instructions import REQUESTS, Counted, count, request_bytes
from bench.longma_bench.prepare import need_program

APPLICATIONS = Path(__file__).resolve().parents[2] / "bench" / "apps"

# The same request costs more in other interpreters: a third of it is theirs. The budgets were set on 3.11.
INTERPRETER_SHARE = {(3, 10): 1.05, (3, 11): 1.0}.get(sys.version_info[:2], 1.2)

# What is asked, longma's flags, the most instructions a request may cost.
BUDGETS = (
    pytest.param("hello", (), 6_500, id="hello"),
    # The access log has 3 100 of it, a microsecond at most: that is what formatting a line may cost (goal: 1.5).
    pytest.param("hello", ("--access-logfile", "/dev/null"), 9_600, id="hello, logged"),
    pytest.param("headers", ("--no-head-cache",), 13_000, id="15 fields, uncached"),
    pytest.param("headers", (), 7_500, id="15 fields, repeated"),
)


@pytest.mark.parametrize(("request_name", "flags", "budget"), BUDGETS)
def test_a_request_stays_within_its_budget_of_instructions(
    request_name: str, flags: tuple[str, ...], budget: int
) -> None:
    need_program("valgrind", "valgrind")
    command = [sys.executable, "-m", "longma", "-w", "1", "-b", "127.0.0.1:{port}", *flags, "wsgi:hello"]
    counted = Counted(command, APPLICATIONS, {"PYTHONPATH": str(APPLICATIONS)})
    spent = count(counted, request_bytes(REQUESTS[request_name]))
    allowed = budget * INTERPRETER_SHARE
    assert spent <= allowed, f"{spent:.0f} instructions a request; python bench/run.py --profile shows where they go"
