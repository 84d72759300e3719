"""Applications of ini files, by PasteDeploy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from longma.config.settings import Settings
from longma.errors import ApplicationLoadError, BootError
from longma.gateway import paste
from longma.gateway.loader import application_of

MODULE = """
class Application:
    def __init__(self, settings, local):
        self.settings, self.local = settings, local

    def __call__(self, environ, start_response):
        return [b"paste"]

def factory(global_conf, **local_conf):
    return Application(global_conf, local_conf)

def fails(global_conf, **local_conf):
    raise KeyError("of the application")

def gives_text(global_conf, **local_conf):
    return "text"
"""
INI = """
[DEFAULT]
colour = red

[app:main]
paste.app_factory = longma_test_paste:factory
size = 3

[app:other]
paste.app_factory = longma_test_paste:factory
size = 4

[app:failing]
paste.app_factory = longma_test_paste:fails

[app:text]
paste.app_factory = longma_test_paste:gives_text
"""

Load = Callable[..., Any]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load from `site.ini` in a directory of the test's own."""
    (tmp_path / "longma_test_paste.py").write_text(MODULE)
    (tmp_path / "site.ini").write_text(INI)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "longma_test_paste", raising=False)
    return paste.load


def test_the_main_section_is_the_default(load: Load, tmp_path: Path):
    application = load("site.ini")
    assert application.local == {"size": "3"}
    assert application.settings["colour"] == "red"
    assert application.settings["here"] == str(tmp_path)


def test_a_section_is_named_behind_a_hash(load: Load, tmp_path: Path):
    assert load("site.ini#other").local == {"size": "4"}
    assert load(f"config:{tmp_path}/site.ini#other").local == {"size": "4"}


def test_variables_go_into_the_defaults(load: Load):
    assert load("site.ini", {"colour": "blue"}).settings["colour"] == "blue"


def test_a_path_may_hold_a_colon(load: Load, tmp_path: Path):
    (tmp_path / "a:b").mkdir()
    (tmp_path / "a:b" / "site.ini").write_text(INI)
    assert load(f"{tmp_path}/a:b/site.ini#other").local == {"size": "4"}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("missing.ini", "there is no file 'missing.ini'"),
        ("site.ini#nowhere", "nowhere"),
        ("site.ini#text", "gives a str, not an application"),
    ],
)
def test_what_is_not_there_is_one_line(load: Load, spec: str, words: str):
    with pytest.raises(ApplicationLoadError, match=words) as raised:
        load(spec)
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_an_application_that_raises_is_no_missing_section(load: Load):
    with pytest.raises(BootError) as raised:
        load("site.ini#failing")
    assert isinstance(raised.value.__cause__, KeyError)


def test_without_pastedeploy_the_cure_is_named(load: Load, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(cast("dict[str, Any]", sys.modules), "paste.deploy", None)
    with pytest.raises(paste.PasteMissing, match=r'pip install "longma\[paste\]"'):
        load("site.ini")


def test_the_setting_wins_over_a_module(load: Load):
    values = {"paste": "site.ini#other", "raw_paste_global_conf": ("colour=blue",), "wsgi_app": "missing:application"}
    application: Any = application_of(Settings(values))
    assert application.local == {"size": "4"}
    assert application.settings["colour"] == "blue"


def test_without_the_setting_the_module_is_loaded():
    from tests.apps.answers import application

    assert application_of(Settings({"wsgi_app": "tests.apps.answers"})) is application
