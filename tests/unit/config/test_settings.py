"""Settings cannot change, know all their rows, and begin as Gunicorn's where Gunicorn has them."""

from __future__ import annotations

import pytest

from longma.config.later import LATER
from longma.config.option import Option
from longma.config.settings import Settings, table

GUNICORN_DEFAULTS = {
    "config": None,  # "./gunicorn.conf.py" there; here the one that was found
    "wsgi_app": None,
    "bind": ("127.0.0.1:8000",),
    "backlog": 2048,
    "workers": 1,
    "worker_class": "sync",
    "worker_connections": 1000,
    "timeout": 30,
    "graceful_timeout": 30,
    "limit_request_line": 4094,
    "limit_request_fields": 100,
    "limit_request_field_size": 8190,
    "header_map": "drop",
    "umask": 0,
    "accesslog": None,
    "access_log_format": '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
    "errorlog": "-",
    "loglevel": "info",
    "check_config": False,
    "print_config": False,
}


def test_the_defaults_are_gunicorns():
    settings = Settings()
    assert {name: settings.value_of(name) for name in GUNICORN_DEFAULTS} == GUNICORN_DEFAULTS


def test_an_idle_connection_outlives_a_load_balancers():
    assert Settings().keepalive == 75


def test_a_given_value_replaces_the_default():
    settings = Settings({"workers": 4})
    assert settings.workers == 4
    assert settings.backlog == 2048
    assert settings.as_mapping() == {**Settings().as_mapping(), "workers": 4}


def test_settings_cannot_be_changed():
    settings = Settings()
    with pytest.raises(AttributeError, match="workers"):
        settings.workers = 2
    settings.as_mapping()["workers"] = 2
    assert settings.workers == 1


def test_a_name_that_is_no_setting_is_refused():
    with pytest.raises(KeyError, match="wrokers"):
        Settings({"wrokers": 1})


def test_equal_values_make_equal_settings():
    assert Settings({"workers": 2}) == Settings({"workers": 2})
    assert Settings({"workers": 2}) != Settings()
    assert hash(Settings({"workers": 2})) == hash(Settings({"workers": 2}))


def test_the_representation_shows_what_differs():
    assert repr(Settings({"workers": 2})) == "Settings(workers=2)"


def test_through_the_class_an_attribute_is_its_row():
    row = vars(Settings.__mro__[2])["backlog"]
    assert isinstance(row, Option)
    assert Settings.backlog is row


def test_every_default_passes_its_own_check():
    for row in table().values():
        assert row.kind.parse(row.default) == row.default, row.name


def test_every_row_is_documented_and_has_a_place():
    for name, row in table().items():
        assert row.name == name
        assert row.doc.endswith("."), name


def test_no_flag_means_two_things():
    flags = [flag for row in table().values() for flag in row.cli] + [flag for later in LATER for flag in later.flags]
    assert len(flags) == len(set(flags))


def test_what_is_in_the_table_is_no_longer_to_come():
    assert {later.name for later in LATER} & set(table()) == set()
