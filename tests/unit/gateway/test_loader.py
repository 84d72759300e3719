"""Finding the application, and telling apart what keeps it from being found."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longma.errors import ApplicationLoadError, BootError
from longma.gateway.loader import Expression, enter, load, read_expression

SHOP = """
def application(environ, start_response):
    return ["application"]

def app(environ, start_response):
    return ["app"]

def create(*arguments, **keywords):
    return lambda environ, start_response: (arguments, keywords)

def create_nothing():
    return None

def create_text():
    return "text"

def create_for(place):
    return app

def create_badly():
    return len(5)

def create_and_leave():
    raise SystemExit("no settings")

class Counter:
    def __call__(self, environ, start_response):
        return ["counter"]

class Asynchronous:
    async def __call__(self, scope, receive, send):
        pass

async def coroutine(scope, receive, send):
    pass

counter = Counter()
asynchronous = Asynchronous()
text = "text"
nothing = None
"""

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes modules into a directory that has been entered; afterwards they are forgotten."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(tmp_path)
    enter(str(tmp_path))

    def write(name: str, source: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def shop(write: Write) -> None:
    write("shop.py", SHOP)


def answer(spec: str) -> object:
    return load(spec)({}, lambda *_: bytes)  # type: ignore[arg-type, return-value]


def test_entering_a_directory_makes_it_the_first_to_import_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", ["/elsewhere"])
    monkeypatch.chdir("/")
    enter(str(tmp_path))
    enter(str(tmp_path))
    assert sys.path == [str(tmp_path), "/elsewhere"]
    assert os.path.samefile(Path.cwd(), tmp_path)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("spec", "given"),
    [
        ("shop", ["application"]),
        ("shop:", ["application"]),
        ("shop:app", ["app"]),
        ("shop:counter", ["counter"]),
        ("shop:create()", ((), {})),
        ("shop:create(1, 'b:c', d=[2, None])", ((1, "b:c"), {"d": [2, None]})),
        ("shop:create_for('here')", ["app"]),
        ("shop: app ", ["app"]),
    ],
)
def test_an_application_is_found(spec: str, given: object):
    assert answer(spec) == given


def test_an_application_in_a_package_is_found(write: Write):
    write("site_of_ours/__init__.py", "")
    write("site_of_ours/wsgi.py", "def application(e, s): return ['package']")
    assert answer("site_of_ours.wsgi") == ["package"]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("shop:ap", "'shop:ap' is not there: shop has no 'ap'; did you mean shop:app?"),
        (
            "shop:wsgi_handler",
            "'shop:wsgi_handler' is not there: shop has no 'wsgi_handler'; did you mean shop:app or ",
        ),
        ("shop:nothing", "'shop:nothing' is None, not an application"),
        ("shop:text", "'shop:text' cannot be called: it is a str, not an application"),
        ("shop:create_nothing()", "'shop:create_nothing()' is None, not an application"),
        ("shop:create_text()", "'shop:create_text()' cannot be called: it is a str, not an application"),
        ("shop:text()", "'text' in 'shop:text()' is a str, not a factory"),
        ("shop:create_for()", "'shop:create_for()' does not fit its factory: create_for() missing 1 required"),
        ("shop:create_for(1, 2)", "'shop:create_for(1, 2)' does not fit its factory: create_for() takes 1"),
        ("shop:counter.app", "'counter.app' is neither a name nor a call of one; write MODULE:NAME or"),
        ("shop:app[0]", "'app[0]' is neither a name nor a call of one; "),
        ("shop:create(app)", "the arguments in 'create(app)' are no plain values; "),
        ("shop:create(**{'a': 1})", "\"create(**{'a': 1})\" unpacks a mapping; "),
        ("shop:app app", "'app app' cannot be read; "),
        ("shop:1", "'1' is neither a name nor a call of one; "),
        ("shop:asynchronous", "'shop:asynchronous' is an ASGI application, which this worker class"),
        ("shop:coroutine", "'shop:coroutine' is an ASGI application, which this worker class"),
    ],
)
def test_what_is_no_application_is_explained(spec: str, words: str):
    with pytest.raises(ApplicationLoadError) as caught:
        load(spec)
    assert str(caught.value).startswith(words)
    assert caught.value.exit_status == 4


@pytest.mark.usefixtures("shop")
def test_a_worker_class_may_serve_other_kinds_of_applications():
    assert type(load("shop:asynchronous", of_any_kind=True)).__name__ == "Asynchronous"
    with pytest.raises(ApplicationLoadError, match="is None"):
        load("shop:nothing", of_any_kind=True)


def test_a_module_without_any_application_is_only_said_to_have_none(write: Write):
    write("empty_shop.py", "price = 5")
    with pytest.raises(ApplicationLoadError, match=r"^'empty_shop' is not there: empty_shop has no 'application'$"):
        load("empty_shop")


def test_functions_are_suggested_where_no_usual_name_is(write: Write):
    write("odd_shop.py", "from os.path import join\ndef serve_customers(e, s): return []")
    with pytest.raises(ApplicationLoadError, match=r"did you mean odd_shop:serve_customers\?$"):
        load("odd_shop")


def refusal(spec: str) -> BootError:
    with pytest.raises(BootError) as caught:
        load(spec)
    assert caught.value.exit_status == 3
    return caught.value


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("absent_shop:app", "no module named 'absent_shop' in "),
        ("absent_shop.wsgi:app", "no module named 'absent_shop.wsgi' in "),
        ("shop.wsgi:app", "no module named 'shop.wsgi' in "),
        ("shop.py", "'shop.py' is the name of a file, not of a module; did you mean 'shop:application'?"),
        ("shop.py:app", "'shop.py' is the name of a file, not of a module; did you mean 'shop:app'?"),
        ("./shop.py:app", "'./shop.py' is the name of a file, not of a module; did you mean 'shop:app'?"),
        ("src/shop.py:app", "'src/shop.py' is the name of a file, not of a module; there is no such file in "),
        ("src/shop:app", "'src/shop' is no name of a module; "),
        (":app", "'' is no name of a module; "),
        ("shop..a:app", "'shop..a' is no name of a module; "),
    ],
)
def test_a_module_that_is_missing_is_explained_without_a_cause(spec: str, words: str):
    error = refusal(spec)
    assert str(error).startswith(words)
    assert error.__cause__ is None


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "import no_such_module",
            "importing 'broken' failed with ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (
            "from os import no_such",
            "importing 'broken' failed with ImportError: cannot import name 'no_such' from 'os'",
        ),
        ("\n1/0", "importing 'broken' failed with ZeroDivisionError: division by zero"),
        ("raise ValueError", "importing 'broken' failed with ValueError"),
        ("def", "importing 'broken' failed with SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(1)", "importing 'broken' failed with SystemExit: 1"),
    ],
)
def test_a_module_that_raises_keeps_its_own_traceback(write: Write, source: str, words: str):
    write("broken.py", source)
    error = refusal("broken:app")
    assert str(error).startswith(words)
    assert error.__cause__ is not None
    frames = traceback.extract_tb(error.__cause__.__traceback__)
    assert all(frame.filename.endswith("broken.py") for frame in frames)
    assert frames or isinstance(error.__cause__, SyntaxError)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("spec", "words", "frames"),
    [
        ("shop:create_badly()", "'shop:create_badly()' failed with TypeError: object of type 'int' has no len()", 1),
        ("shop:create_and_leave()", "'shop:create_and_leave()' failed with SystemExit: no settings", 1),
    ],
)
def test_a_factory_that_raises_keeps_its_own_traceback(spec: str, words: str, frames: int):
    error = refusal(spec)
    assert str(error) == words
    assert error.__cause__ is not None
    assert len(traceback.extract_tb(error.__cause__.__traceback__)) == frames


def test_a_bare_name_needs_no_parser(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ast", None)  # importing it would raise
    assert read_expression("app") == Expression("app")


def test_a_call_has_its_arguments():
    assert read_expression("make(1, b='x')") == Expression("make", True, (1,), (("b", "x"),))
