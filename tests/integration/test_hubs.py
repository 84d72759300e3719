"""Hubs that cannot be had: what is not installed, is too old, or cannot be served by is refused with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.server import Run

APP = "tests.apps.green"
MODELS = ("gevent", "eventlet")


def test_without_the_library_the_cure_is_told_before_anything_is_bound(engine_model: str, tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(f"import sys\n\nsys.modules[{engine_model!r}] = None\n")
    run = Run("-k", engine_model, "-b", "nowhere.invalid:1", APP, env={"PYTHONPATH": str(tmp_path)})
    assert run.status == 1
    cure = f'pip install "longma[{engine_model}]"'
    needs = f"needs {engine_model}, which is not installed: {cure}"
    assert run.errors == f"longma: error: worker_class: {engine_model!r} {needs}\n"


def test_a_version_that_is_too_old_is_told_of_with_the_cure_before_anything_is_bound(engine_model: str, tmp_path: Path):
    old, lowest = {"gevent": ("23.9.1", "24"), "eventlet": ("0.39.1", "0.40")}[engine_model]
    (tmp_path / f"{engine_model}-{old}.dist-info").mkdir()
    (tmp_path / engine_model).mkdir()
    (tmp_path / engine_model / "__init__.py").write_text("raise SystemExit('it must not be imported')\n")
    env = {"PYTHONPATH": str(tmp_path)}
    needs = f"needs {engine_model} {lowest} or newer, and {old} is installed"
    said = f'worker_class: {engine_model!r} {needs}: pip install "longma[{engine_model}]"\n'
    for arguments in (("-b", "nowhere.invalid:1"), ("--check-config",)):
        run = Run("-k", engine_model, *arguments, APP, env=env)
        assert (run.status, run.errors) == (1, f"longma: error: {said}")


# libuv's, which wants cffi, does not say when it is about to wait.
@pytest.mark.parametrize("hub", ["libuv", "nonsense"])
def test_a_hub_that_cannot_serve_is_refused(engine_model: str, hub: str):
    variable = {"gevent": "GEVENT_LOOP", "eventlet": "EVENTLET_HUB"}[engine_model]
    run = Run("-k", engine_model, "-b", "127.0.0.1:0", APP, env={variable: hub})
    assert run.status == 3
    (line,) = (line for line in run.errors.splitlines() if variable in line)
    assert "[ERROR]" in line
    assert "Traceback" not in run.errors
