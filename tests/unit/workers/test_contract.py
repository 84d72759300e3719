"""What is a worker class, and what a class that is none lacks."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from longma.workers.base import Worker
from longma.workers.contract import WorkerClassError, find, foreign, lacks
from longma.workers.registry import model_named
from tests.apps.own_worker import Blunt


class Small:
    """Has the contract by itself, derived from nothing."""

    def __init__(self, age: int, ppid: int, sockets: Any, app: Any, timeout: float, cfg: Any, log: Any) -> None: ...

    def init_process(self) -> None: ...

    def init_signals(self) -> None: ...

    def load_wsgi(self) -> None: ...

    def notify(self) -> None: ...

    def run(self) -> None: ...


class Free(Small):
    def __init__(self, *arguments: Any, **keywords: Any) -> None: ...


class Narrow(Small):
    def __init__(self, log: Any) -> None: ...


@pytest.mark.parametrize("kind", [Blunt, Small, Free])
def test_a_class_with_the_contract_lacks_nothing(kind: type[Any]):
    assert lacks(kind) == ()


def test_what_is_lacking_is_named():
    assert lacks(Worker) == ("a run() of its own",)
    assert lacks(Narrow) == ("an __init__ that takes age, ppid, sockets, app, timeout, cfg, log",)
    without = type("Without", (Small,), {"notify": None, "load_wsgi": 5})
    assert lacks(without) == ("load_wsgi()", "notify()")


def test_a_class_is_found_by_its_path():
    found = find("tests.apps.own_worker.Blunt")
    assert (found.name, found.kind) == ("tests.apps.own_worker.Blunt", Blunt)
    assert foreign(found) is found
    assert foreign(model_named("sync")) is None


def test_a_class_is_found_by_an_entry_point(monkeypatch: pytest.MonkeyPatch):
    from importlib import metadata

    class Points(list[Any]):
        def select(self, group: str) -> list[Any]:
            return [point for point in self if point.group == group]

    point = metadata.EntryPoint("blunt", "tests.apps.own_worker:Blunt", "gunicorn.workers")
    monkeypatch.setattr(metadata, "distribution", lambda name: SimpleNamespace(entry_points=Points([point])))
    assert find("egg:shop#blunt").kind is Blunt
    with pytest.raises(WorkerClassError, match="shop offers no worker class 'other'"):
        find("egg:shop#other")


def test_a_class_that_could_not_be_made_without_gunicorn(monkeypatch: pytest.MonkeyPatch):
    """What aiohttp shows in its place is None."""
    package = ModuleType("made")
    package.Worker = None  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "made", package)
    with pytest.raises(WorkerClassError, match="is no class but a NoneType"):
        find("made.Worker")
    monkeypatch.setitem(__import__("sys").modules, "gunicorn", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WorkerClassError, match="pip install gunicorn"):
        find("made.Worker")
