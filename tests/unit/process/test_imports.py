"""Sources that change while they are imported."""

from __future__ import annotations

import os
import py_compile
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from longma.process.imports import Witness, forget_compiled


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that modules are found in; they are forgotten after the test, and so is how they were found."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def told(directory: Path) -> Iterator[list[str]]:
    """What a witness tells."""
    paths: list[str] = []
    witness = Witness(paths.append)
    witness.start()
    yield paths
    witness.stop()
    assert witness not in sys.meta_path
    assert not sys.dont_write_bytecode


def age(path: Path, seconds: float) -> None:
    """Let a file have been changed so long ago."""
    moment = int(time.time() - seconds)
    os.utime(path, (moment, moment))


def compiled(source: Path) -> list[Path]:
    return list((source.parent / "__pycache__").glob(f"{source.stem}.*"))


def test_a_source_is_told_of_before_it_is_read(directory: Path, told: list[str]):
    source = directory / "asks_of_imports.py"
    source.write_text("import sys\nSEEN = list(sys.modules['told_of_imports'])\n")
    sys.modules["told_of_imports"] = told  # type: ignore[assignment]
    seen = __import__("asks_of_imports").SEEN
    assert seen == [str(source)]


def test_it_finds_what_would_be_found_without_it(directory: Path, told: list[str]):
    (directory / "time.py").write_text("raise AssertionError('found before what is built in')")
    (directory / "space_of_imports" / "within").mkdir(parents=True)
    del sys.modules["time"]
    try:
        assert not hasattr(__import__("time"), "__file__")
    finally:
        sys.modules["time"] = time
    assert __import__("space_of_imports.within").within.__path__
    with pytest.raises(ModuleNotFoundError, match="nowhere_of_imports"):
        __import__("nowhere_of_imports")
    assert told == []


def test_nothing_compiled_is_read_or_written_of_what_was_just_changed(directory: Path, told: list[str]):
    source = directory / "fresh_of_imports.py"
    source.write_text("answer = 1\n")
    age(source, 0)
    py_compile.compile(str(source))
    source.write_text("answer = 2\n")
    age(source, 0)
    assert __import__("fresh_of_imports").answer == 2
    assert compiled(source) == []


def test_what_was_changed_long_ago_is_compiled_as_ever(directory: Path, told: list[str]):
    source = directory / "settled_of_imports.py"
    source.write_text("answer = 1\n")
    age(source, 60)
    assert __import__("settled_of_imports").answer == 1
    assert len(compiled(source)) == 1


def test_the_compiled_form_of_a_changed_source_is_forgotten(directory: Path):
    source = directory / "compiled_of_imports.py"
    for text in ("answer = 1\n", "answer = 2\n"):
        source.write_text(text)
        os.utime(source, (1_000_000_000, 1_000_000_000))
        forget_compiled(str(source))
        assert __import__("compiled_of_imports").answer == int(text[-2])
        del sys.modules["compiled_of_imports"]
    forget_compiled(str(directory / "page.html"))
