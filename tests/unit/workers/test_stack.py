"""The record of a worker that was aborted."""

from __future__ import annotations

import sys
from typing import Any, cast

import pytest

from longma.workers.stack import describe, traceback_of


def test_the_request_its_age_and_its_stack_are_told():
    def slow_view() -> str:
        return describe(("GET", "/slow?a=b", 31.24), True, sys._getframe())

    first, *stack = slow_view().splitlines()
    assert first == "request GET /slow?a=b has taken 31.2 s; stack:"
    assert stack[-2].endswith(", in slow_view")
    assert stack[-1].strip().startswith('return describe(("GET"')


def test_a_client_cannot_forge_a_record():
    words = describe(("GET", "/\n[2026-01-01] [1] [INFO] fine", 1.0), True, sys._getframe())
    assert words.startswith("request GET /\\n [2026-01-01] [1] [INFO] fine has taken 1.0 s; stack:\n")


def test_without_a_request_the_moment_is_told():
    assert describe(None, True, sys._getframe()).startswith("the worker was aborted outside of a request; stack:\n")
    assert describe(None, False, sys._getframe()).startswith("the worker was aborted while it booted; stack:\n")


def test_what_calls_the_application_is_left_out():
    names = {"describe": describe, "sys": sys, "__name__": "longma.workers.pretended"}
    exec("def ours(application): return application(sys._getframe())", names)
    words = names["ours"](lambda frame: describe(None, True, frame))  # type: ignore[operator]
    assert ", in ours" in words  # a stack is never empty


def test_without_a_frame_there_is_no_stack():
    assert describe(None, True, None) == "the worker was aborted outside of a request; stack:\n"


def test_the_import_system_is_left_out():
    names: dict[str, object] = {}
    exec(compile("def load(module): return module()", "<frozen importlib._pretended>", "exec"), names)

    def slow_import() -> str:
        return describe(None, False, sys._getframe())

    words = names["load"](slow_import)  # type: ignore[operator]
    assert ", in slow_import" in words
    assert ", in load" not in words


def test_an_exception_is_told_with_its_traceback():
    words = traceback_of(ValueError("no device"))
    assert words.endswith("ValueError: no device")


def test_where_python_itself_cannot_be_read_the_lines_of_source_are_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(cast("dict[str, Any]", sys.modules), "traceback", None)

    def fail() -> None:
        raise ValueError("no device")

    with pytest.raises(ValueError, match="no device") as raised:
        fail()
    first, *steps, last = traceback_of(raised.value).splitlines()
    assert (first, last) == ("Traceback (most recent call last):", "ValueError: no device")
    assert steps[-1].endswith(", in fail")
    words = describe(None, True, sys._getframe())
    assert words.endswith(", in test_where_python_itself_cannot_be_read_the_lines_of_source_are_missing")
