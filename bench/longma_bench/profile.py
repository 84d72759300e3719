"""Where longma's instructions go: the functions of one request, as the difference of two callgrind runs."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .instructions import FEW, MANY, Counted, run_counted, total_of
from .prepare import CannotMeasure, run_quietly

TOP = 40
_LINE = re.compile(r"^\s*([\d,]+) \([^)]*\)\s+(?:(\S*?):)?([^:\s].*?)\s*(?:\[[^\]]*\])?$")


def functions_of(file: Path, *, inclusive: bool) -> Iterator[tuple[str, int]]:
    """Yield (function, instructions) of a callgrind output file, as callgrind_annotate adds them up.

    Exclusive costs are told apart by the source file, so that what was inlined into a function is seen.
    """
    command = [
        "callgrind_annotate",
        "--threshold=100",
        "--show-percs=yes",
        f"--inclusive={'yes' if inclusive else 'no'}",
    ]
    annotated = run_quietly([*command, "--auto=no", str(file)])
    if annotated.returncode != 0:
        raise CannotMeasure(f"callgrind_annotate: {annotated.stderr.strip()}")
    for line in annotated.stdout.splitlines():
        match = _LINE.match(line)
        if match and "PROGRAM TOTALS" not in line:
            source = "" if inclusive or match[2] in (None, "???") else f"{Path(match[2]).name}: "
            yield f"{source}{match[3]}", int(match[1].replace(",", ""))


def differences(few: Path, many: Path, *, inclusive: bool) -> list[tuple[float, str]]:
    """Return (instructions per request, function), most expensive first."""
    cost: dict[str, float] = {}
    for file, sign in ((few, -1), (many, 1)):
        found: dict[str, int] = {}
        for function, instructions in functions_of(file, inclusive=inclusive):
            # A function that was compiled from several files has a line for each; inclusive, each tells the whole.
            before = found.get(function, 0)
            found[function] = max(before, instructions) if inclusive else before + instructions
        for function, instructions in found.items():
            cost[function] = cost.get(function, 0.0) + sign * instructions / (MANY - FEW)
    return sorted(((value, function) for function, value in cost.items()), reverse=True)


def busiest(place: Path) -> Path:
    """Return the file of the process that did the most, which is the worker."""
    return max(place.iterdir(), key=total_of)


def profile(counted: Counted, request: bytes) -> str:
    """Return the most expensive functions of one request as text, inclusive and exclusive."""
    with tempfile.TemporaryDirectory(prefix="longma-profile-") as place:
        files = []
        for times in (FEW, MANY):
            into = Path(place) / str(times)
            into.mkdir()
            run_counted(counted, request, times, into)
            files.append(busiest(into))
        whole = (total_of(files[1]) - total_of(files[0])) / (MANY - FEW)
        lines = [f"{whole:9.0f}  instructions per request"]
        for title, inclusive in (("exclusive", False), ("inclusive", True)):
            lines += ["", f"{title}:"]
            lines += [f"{cost:9.1f}  {name}" for cost, name in differences(*files, inclusive=inclusive)[:TOP]]
    return "\n".join(lines)
