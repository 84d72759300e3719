"""Every line that runs is printed."""

from __future__ import annotations

import io
import sys

from longma.workers.spew import Spew


def traced(step: object) -> list[str]:
    output = io.StringIO()
    before = sys.gettrace()
    sys.settrace(Spew(output))
    try:
        step()  # type: ignore[operator]
    finally:
        sys.settrace(before)
    return output.getvalue().splitlines()


def test_each_line_is_printed_with_its_module_and_number():
    def step() -> None:
        number = 1
        number += 1

    lines = traced(step)
    first = step.__code__.co_firstlineno
    assert lines[:2] == [
        f"{__name__}:{first + 1}:         number = 1",
        f"{__name__}:{first + 2}:         number += 1",
    ]


def test_what_has_no_file_is_printed_too():
    names: dict[str, object] = {}
    exec("def step():\n    return 1\n", names)
    assert "[unknown]:2: " in traced(names["step"])
