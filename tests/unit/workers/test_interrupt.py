"""The exception that ends a loading comes out of it, wherever the signal hits."""

from __future__ import annotations

import gc
import signal
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from longma.workers.interrupt import Breaker, Leaving


@pytest.fixture
def breaker() -> Iterator[Breaker]:
    """One that SIGUSR1 calls, as a worker's handlers do: out of a module of ours."""
    made = Breaker()
    names: dict[str, Any] = {"breaker": made, "__name__": "longma.workers.pretended"}
    exec("def handler(signal, frame): breaker.break_in(7)", names)
    before = signal.signal(signal.SIGUSR1, names["handler"])
    yield made
    made.disarm()
    signal.signal(signal.SIGUSR1, before)


def knock() -> None:
    signal.raise_signal(signal.SIGUSR1)


def frozen(source: str) -> dict[str, Any]:
    """What this source defines, as if it were a part of the import system."""
    names: dict[str, Any] = {"knock": knock, "__name__": "importlib._pretended"}
    exec(compile(source, "<frozen importlib._pretended>", "exec"), names)
    return names


def test_ordinary_code_is_interrupted_at_once(breaker: Breaker):
    with pytest.raises(Leaving) as raised:
        knock()
    assert raised.value.code == 7


def test_the_import_system_is_left_before_anything_is_raised(breaker: Breaker):
    done: list[str] = []
    signal_only = frozen("import _signal\ndef step():\n    _signal.raise_signal(10)\n    done.append('whole')\n")
    assert signal.SIGUSR1 == 10
    signal_only["done"] = done

    def load() -> None:
        signal_only["step"]()
        done.append("behind")

    with pytest.raises(Leaving) as raised:
        load()
    assert raised.value.code == 7
    assert done == ["whole"]


def test_what_the_import_system_calls_is_not_begun(breaker: Breaker):
    done: list[str] = []
    names = frozen("import _signal\ndef step(module):\n    _signal.raise_signal(10)\n    module()\n")
    with pytest.raises(Leaving):
        names["step"](lambda: done.append("the module ran"))
    assert done == []


def test_what_the_interpreter_drops_is_raised_again(breaker: Breaker, capfd: pytest.CaptureFixture[str]):
    class Referent:
        pass

    done: list[str] = []

    def callback(_reference: object) -> None:
        knock()
        done.append("the callback went on")

    def load() -> None:
        referent = Referent()
        reference = weakref.ref(referent, callback)
        del referent
        done.append("behind")
        del reference

    with pytest.raises(Leaving):
        load()
    assert done == []
    assert capfd.readouterr().err == ""


def test_another_exception_that_is_dropped_is_told_as_ever(breaker: Breaker, monkeypatch: pytest.MonkeyPatch):
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    class Careless:
        def __del__(self) -> None:
            raise ValueError("dropped")

    with pytest.raises(Leaving):
        knock()
    del_me: list[Any] = [Careless()]
    del_me.clear()
    assert len(told) == 1


def test_behind_the_loading_nothing_is_left_of_it(breaker: Breaker):
    hook = sys.unraisablehook
    names = frozen("import _signal\ndef step():\n    _signal.raise_signal(10)\n")

    def load() -> None:
        names["step"]()
        pytest.fail("nothing was raised")

    with pytest.raises(Leaving):
        load()
    breaker.disarm()
    assert sys.unraisablehook is hook
    assert sys.gettrace() is None


def test_a_real_import_is_left_clean(
    breaker: Breaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    """At each of the first calls that an import makes of the import system's own functions, in turn."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for turn in range(40):
        name = f"longma_test_interrupted_{turn}"
        (tmp_path / f"{name}.py").write_text("x = 1\n")
        calls = 0

        def profile(frame: FrameType, event: str, _argument: object, turn: int = turn) -> None:
            nonlocal calls
            if event == "call" and frame.f_code.co_filename.startswith("<frozen importlib"):
                calls += 1
                if calls == turn + 1:
                    sys.setprofile(None)
                    signal.raise_signal(signal.SIGUSR1)

        def load(name: str = name, profile: Callable[..., object] = profile) -> None:
            sys.setprofile(profile)
            __import__(name)
            sys.setprofile(None)
            knock()

        with pytest.raises(Leaving):
            load()
        breaker.disarm()
        sys.modules.pop(name, None)
    assert capfd.readouterr().err == ""


def test_what_had_just_been_opened_is_not_complained_about(breaker: Breaker, capfd: pytest.CaptureFixture[str]):
    def load() -> None:
        opened = open(__file__)  # noqa: SIM115
        knock()
        opened.close()

    with pytest.raises(Leaving):
        load()
    gc.collect()
    assert capfd.readouterr().err == ""
