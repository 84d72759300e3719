"""Gunicorn's application classes: what their settings take, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

import longma
from longma.app.gunicorn import Application, BaseApplication, EditableConfig, WSGIApplication


class Shop(BaseApplication):
    settings: tuple[tuple[str, object], ...] = ()

    def load_config(self) -> None:
        for name, value in self.settings:
            self.cfg.set(name, value)

    def load(self) -> Any:
        return object()


def test_what_is_set_is_checked_and_seen():
    cfg = EditableConfig()
    cfg.set("WORKERS", "3")
    cfg.timeout = 0.5
    assert (cfg.workers, cfg.timeout, cfg.keepalive) == (3, 0.5, EditableConfig().keepalive)
    assert cfg.settings["workers"].get() == 3
    assert cfg.given == {"workers": "3", "timeout": 0.5}


def test_gunicorn_s_settings_that_come_later_may_be_set_and_are_judged_with_the_rest():
    cfg = EditableConfig()
    cfg.set("threads", 1)
    assert cfg.given == {"threads": 1}


def test_a_name_that_is_no_setting_is_none_as_with_gunicorn():
    with pytest.raises(AttributeError, match="unknown setting 'wrokers'; did you mean 'workers'"):
        EditableConfig().set("wrokers", 2)


def test_a_bad_value_is_refused_when_it_is_set():
    with pytest.raises(ValueError, match="timeout must be a number of seconds"):
        EditableConfig().set("timeout", "soon")


def test_a_program_is_configured_when_it_is_made_and_loads_once():
    class Configured(Shop):
        settings = (("workers", 2),)

    shop = Configured(usage="shop", prog="shop")
    assert (shop.cfg.workers, shop.callable, shop.prog) == (2, None, "shop")
    assert shop.wsgi() is shop.wsgi() is shop.callable


def test_a_program_reads_the_environment_s_variables_and_no_command_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WEB_CONCURRENCY", "7")
    monkeypatch.setattr("sys.argv", ["shop", "--workers", "9", "migrate"])
    assert Shop().cfg.workers == 7


def test_a_reload_begins_with_the_defaults_again():
    shop = Shop()
    shop.cfg.set("workers", 5)
    shop.reload()
    assert shop.cfg.workers == 1


def test_what_a_program_cannot_have_ends_it(capsys: pytest.CaptureFixture[str]):
    class Wrong(Shop):
        settings = (("bind", "a:b"),)

    with pytest.raises(SystemExit) as leaving:
        Wrong()
    assert leaving.value.code == 1
    assert capsys.readouterr().err.startswith("longma: error: Wrong: bind must hold addresses")


def test_what_a_program_must_write_itself_says_so():
    with pytest.raises(NotImplementedError, match=r"BaseApplication has no load_config\(\)"):
        BaseApplication()


def test_init_may_set_what_the_command_line_does_not_replace(monkeypatch: pytest.MonkeyPatch):
    class Framework(Application):
        def init(self, parser: Any, opts: Any, args: list[Any]) -> dict[str, object]:
            self.cfg.set("proc_name", "framework")
            assert (opts.timeout, opts.keepalive, args) == (9, None, ["shop:app"])
            return {"timeout": 5, "workers": 3}

    monkeypatch.setattr("sys.argv", ["shop", "--timeout", "9", "-n", "mine", "shop:app"])
    framework = Framework()
    assert (framework.cfg.timeout, framework.cfg.workers, framework.cfg.proc_name) == (9, 3, "framework")
    framework.cfg.set("workers", 4)
    assert (framework.cfg.timeout, framework.cfg.workers) == (9, 4)


def test_the_application_that_is_named_is_loaded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.argv", ["longma", "tests.apps.answers:application"])
    from tests.apps.answers import application

    assert WSGIApplication().wsgi() is application


def test_the_package_shows_serve_and_nothing_else():
    from longma.app.embed import serve

    assert longma.serve is serve
    with pytest.raises(AttributeError, match="has no attribute 'server'"):
        longma.server  # noqa: B018 - looked up for what it raises
