"""Which files may cure an application that does not load."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from longma.errors import BootError
from longma.gateway.loader import load
from longma.workers.reloading import suspects


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that an application is imported from; what is imported is forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


def suspected(spec: str) -> set[str]:
    with pytest.raises(BootError) as raised:
        load(spec)
    return set(suspects(raised.value, spec))


def test_a_module_that_is_missing_is_suspected(directory: Path):
    found = suspected("missing_site.part:application")
    assert {str(directory / "missing_site/part.py"), str(directory / "missing_site/part/__init__.py")} <= found


def test_a_file_that_cannot_be_compiled_is_suspected(directory: Path):
    (directory / "outer_of_suspects.py").write_text("import inner_of_suspects\n")
    (directory / "inner_of_suspects.py").write_text("def broken(:\n")
    found = suspected("outer_of_suspects")
    assert {str(directory / "outer_of_suspects.py"), str(directory / "inner_of_suspects.py")} <= found


def test_a_module_that_another_wants_is_suspected(directory: Path):
    (directory / "wanting_suspects.py").write_text("import wanted_by_suspects\n")
    found = suspected("wanting_suspects")
    assert {str(directory / "wanting_suspects.py"), str(directory / "wanted_by_suspects.py")} <= found


def test_all_that_took_part_in_the_failure_is_suspected(directory: Path):
    (directory / "caller_of_suspects.py").write_text(
        "import called_of_suspects\n"
        "try:\n    called_of_suspects.fail()\nexcept Exception as error:\n    raise RuntimeError from error\n"
    )
    (directory / "called_of_suspects.py").write_text("def fail():\n    1 / 0\n")
    found = suspected("caller_of_suspects")
    assert {str(directory / "caller_of_suspects.py"), str(directory / "called_of_suspects.py")} <= found


def test_an_error_that_is_its_own_context_has_an_end():
    error = ValueError()
    other = ValueError()
    error.__cause__, other.__cause__ = other, error
    assert list(suspects(error, "")) == []
