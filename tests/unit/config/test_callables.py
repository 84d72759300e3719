"""Hooks: what can be called as asked is taken, by whatever means it was made."""

from __future__ import annotations

import functools
import os.path
import re
import sys
from types import ModuleType

import pytest

from longma.config.callables import Hook, arity, imported, logger_class, show_callable

TWO = Hook("server", "worker")
REQUEST = Hook("worker", "req", "environ", "resp", optional=2)


def plain(server, worker):
    return (server, worker)


def wrapping(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments)

    return wrapper


class Methods:
    def method(self, server, worker):
        return (server, worker)

    @classmethod
    def of_the_class(cls, server, worker):
        return (server, worker)

    @staticmethod
    def alone(server, worker):
        return (server, worker)

    def __call__(self, server, worker):
        return (server, worker)


@pytest.mark.parametrize(
    "function",
    [
        plain,
        lambda server, worker: (server, worker),
        lambda *arguments: arguments,
        lambda server, *others: (server, *others),
        lambda server, worker, log=None: (server, worker),
        lambda server, worker, *, log=None: (server, worker),
        lambda server, worker, **named: (server, worker),
        functools.partial(lambda log, server, worker: (server, worker), None),
        wrapping(plain),
        Methods().method,
        Methods.of_the_class,
        Methods.alone,
        Methods(),
        os.path.join,
    ],
)
def test_whatever_takes_the_arguments_is_a_hook(function):
    hook = TWO.parse(function)
    assert hook is function
    assert hook("a", "b") in (("a", "b"), "a/b")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda server: None, "take 2 arguments (server, worker); {} takes 1"),
        (lambda a, b, c: None, "take 2 arguments (server, worker); {} takes 3"),
        (lambda a, b, c, d=1: None, "take 2 arguments (server, worker); {} takes 3 to 4"),
        (lambda a, b, c, *d: None, "take 2 arguments (server, worker); {} takes 3 or more"),
        (wrapping(lambda server: None), "take 2 arguments (server, worker); {} takes 1"),
        (Methods.method, "take 2 arguments (server, worker); {} takes 3"),
    ],
)
def test_whatever_does_not_is_refused(function, words: str):
    with pytest.raises(ValueError, match=f"^{re.escape(words.format(function.__qualname__))}$"):
        TWO.parse(function)


def test_an_argument_that_must_be_named_cannot_be_given():
    with pytest.raises(ValueError, match=r"take 2 arguments \(server, worker\); .* needs arguments by name$"):
        TWO.parse(lambda server, worker, *, log: None)


@pytest.mark.parametrize("value", [5, True, ["plain"]])
def test_what_is_no_function_is_refused(value: object):
    with pytest.raises(ValueError, match=r"^be a function, not "):
        TWO.parse(value)


async def asynchronous(server, worker):
    return None


def yielding(server, worker):
    yield server


@pytest.mark.parametrize("function", [asynchronous, yielding])
def test_what_would_never_run_is_refused(function):
    with pytest.raises(ValueError, match=rf"^be a plain function: {function.__name__} is asynchronous or yields, "):
        TWO.parse(function)


def test_none_is_no_hook():
    assert TWO.parse(None) is None


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_request_hook_may_do_without_the_last_arguments(count: int):
    names = "abcd"[:count]
    function = eval(f"lambda {', '.join(names)}: ({', '.join(names)})")
    hook = REQUEST.parse(function)
    assert hook is not None
    assert hook(1, 2, 3, 4) == (1, 2, 3, 4)[:count]
    again = REQUEST.parse(hook)
    assert again is hook
    assert show_callable(hook) == show_callable(function)


def test_a_request_hook_of_any_number_gets_all():
    hook = REQUEST.parse(lambda *arguments: arguments)
    assert hook is not None
    assert hook(1, 2, 3, 4) == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("function", "takes"), [(lambda worker: None, "1"), (lambda a, b, c, d, e: None, "5"), (lambda: None, "0")]
)
def test_a_request_hook_of_another_number_is_refused(function, takes: str):
    with pytest.raises(ValueError, match=rf"^take 2 or 3 or 4 arguments \(worker, .*; .* takes {takes}$"):
        REQUEST.parse(function)


def test_a_function_that_does_not_say_is_believed():
    assert arity(min)[1] >= 2


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("module_of_hooks")
    module.__dict__["post_fork"] = plain
    monkeypatch.setitem(sys.modules, "module_of_hooks", module)
    return module


def test_a_dotted_name_is_imported(module: ModuleType):
    assert TWO.parse("module_of_hooks.post_fork") is plain
    assert imported("os.path.join") is os.path.join


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("post_fork", "be written MODULE.NAME, not 'post_fork'"),
        (".post_fork", "be written MODULE.NAME, not '.post_fork'"),
        ("module_of_hooks.", "be written MODULE.NAME, not 'module_of_hooks.'"),
        ("no_such_one.hook", "be importable: 'no_such_one' failed with ModuleNotFoundError: No module named"),
        (
            "module_of_hooks.post_frok",
            "name something that is there: module_of_hooks has no 'post_frok'; did you mean 'post_fork'?",
        ),
        ("module_of_hooks.nothing_like_it", "name something that is there: module_of_hooks has no 'nothing_like_it'"),
    ],
)
def test_a_dotted_name_of_nothing_is_refused(module: ModuleType, spec: str, words: str):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        TWO.parse(spec)


class OwnLogger:
    pass


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ("", None),
        ("gunicorn.glogging.Logger", None),
        ("longma.logs.Logger", None),
        ("simple", None),
        ("shop.logs.Logger", "shop.logs.Logger"),
        (OwnLogger, OwnLogger),
        (type("Logger", (), {"__module__": "gunicorn.glogging"}), None),
    ],
)
def test_a_logger_is_a_class_or_its_name(given: object, expected: object):
    assert logger_class(given) == expected


@pytest.mark.parametrize("given", ["Logger", 5])
def test_a_logger_must_be_found_by_its_name(given: object):
    with pytest.raises(ValueError, match=r"^be "):
        logger_class(given)
