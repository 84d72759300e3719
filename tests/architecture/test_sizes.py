"""One file, one reason to change: files stay under 400 lines, functions under 60."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.support.paths import ROOT, python_sources, rust_sources, shown
from tests.support.sources import parsed

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
PYTHON_FOLDERS = ("python", "tests", "bench", "examples", "fuzz")
RUST_FUNCTION = re.compile(r"^(\s*)(?:pub(?:\([a-z: ]+\))? )?(?:(?:const|unsafe|async|extern \"C\") )*fn (\w+)")


def all_python() -> list[Path]:
    """Every Python file of the repository that a person wrote."""
    written = [path for folder in PYTHON_FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in written if not {"target", ".venv", ".bench"} & set(path.parts))


def all_rust() -> list[Path]:
    """Every Rust file of the repository, the fuzz targets included."""
    return rust_sources() + sorted(path for path in (ROOT / "fuzz").rglob("*.rs") if "target" not in path.parts)


def rust_functions(text: str) -> list[tuple[str, int]]:
    """(name, lines) of each function, by rustfmt's layout: it ends at the brace under its first letter."""
    lines = text.splitlines()
    functions = []
    for start, line in enumerate(lines):
        if found := RUST_FUNCTION.match(line):
            closing = found[1] + "}"
            end = next((index for index, later in enumerate(lines[start:], start) if later == closing), start)
            functions.append((found[2], end - start + 1))
    return functions


def test_files_stay_within_their_bound():
    lengths = {shown(path): len(path.read_text().splitlines()) for path in all_python() + all_rust()}
    assert lengths, "no file was found"
    assert {path: length for path, length in lengths.items() if length > MAX_FILE_LINES} == {}


def test_python_functions_stay_within_their_bound():
    long = {}
    for path in all_python():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long[f"{shown(path)}:{node.lineno} {node.name}"] = lines
    assert long == {}


def test_rust_functions_stay_within_their_bound():
    long = {}
    for path in all_rust():
        for name, lines in rust_functions(path.read_text()):
            if lines > MAX_FUNCTION_LINES:
                long[f"{shown(path)} {name}"] = lines
    assert long == {}


def test_a_rust_function_is_measured_by_its_braces():
    text = "impl A {\n    pub fn one(\n        a: u8,\n    ) -> u8 {\n        a\n    }\n}\nfn two() {}\n"
    assert rust_functions(text) == [("one", 5), ("two", 1)]


def test_every_python_module_says_what_it_is():
    written = [path for path in python_sources() if path.stat().st_size]
    silent = [shown(path) for path in written if not ast.get_docstring(parsed(path))]
    assert silent == []
