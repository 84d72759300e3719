"""The settings as hooks see them: Gunicorn's names, types and extras."""

from __future__ import annotations

import os

import pytest

from longma.config.compatible import Config
from longma.config.later import LATER
from longma.config.settings import Settings, table


def config(**values: object) -> Config:
    return Config(Settings(values))


def test_every_setting_is_an_attribute_and_an_item():
    cfg = config(workers=3)
    assert set(cfg.settings) == {*table(), *(later.name for later in LATER)}
    for name, setting in cfg.settings.items():
        assert setting.name == name
        assert setting.get() == setting.value
        if name != "proc_name":
            assert getattr(cfg, name) == setting.value
    assert (cfg.settings["workers"].value, cfg.settings["workers"].default) == (3, 1)


@pytest.mark.parametrize(
    ("name", "given", "seen"),
    [
        ("timeout", 30.0, 30),
        ("timeout", 0.5, 0.5),
        ("bind", ("a:1", "b:2"), ["a:1", "b:2"]),
        ("raw_env", (), []),
        ("forwarded_allow_ips", ("*",), ["*"]),
        ("pidfile", None, None),
        ("reload", True, True),
        ("umask", 18, 18),
    ],
)
def test_values_have_gunicorns_types(name: str, given: object, seen: object):
    value = getattr(config(**{name: given}), name)
    assert value == seen
    assert type(value) is type(seen)


def test_a_hook_can_always_be_called():
    assert config().post_fork(1, 2) is None
    assert config(post_fork=lambda server, worker: worker).post_fork(1, 2) == 2
    assert config().on_dirty_starting(1) is None
    assert config().ssl_context(None, lambda: "context") == "context"


def test_what_is_refused_holds_what_asks_for_nothing():
    cfg = config()
    assert (cfg.threads, cfg.certfile, cfg.proxy_allow_ips, cfg.dirty_apps) == (1, None, ["127.0.0.1", "::1"], [])
    assert cfg.is_ssl is False
    assert cfg.ssl_options == {
        "keyfile": None,
        "certfile": None,
        "ssl_version": 2,
        "cert_reqs": 0,
        "ca_certs": None,
        "suppress_ragged_eofs": True,
        "do_handshake_on_connect": False,
        "ciphers": None,
    }


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("LocalHost", ("localhost", 8000)),
        (":5", ("0.0.0.0", 5)),
        ("", ("0.0.0.0", 8000)),
        ("[::1]", ("::1", 8000)),
        ("[::1]:5", ("::1", 5)),
        ("tcp://a:1", ("a", 1)),
        ("unix:/run/a", "/run/a"),
        ("unix:///run/a", "/run/a"),
        ("fd://3", 3),
    ],
)
def test_addresses_are_gunicorns_tuples(text: str, parsed: object):
    assert config(bind=(text,)).address == [parsed]


def test_there_are_gunicorns_extras():
    cfg = config(raw_env=("A=1", "B=x=y"), raw_paste_global_conf=(r"a\=b=c\=d",), default_proc_name="shop:app")
    assert cfg.env == {"A": "1", "B": "x=y"}
    assert cfg.paste_global_conf == {"a=b": "c=d"}
    assert cfg.proc_name == "shop:app"
    assert config(proc_name="shop").proc_name == "shop"
    assert (cfg.uid, cfg.gid) == (os.geteuid(), os.getegid())
    assert cfg.worker_class_str == "sync"
    assert (cfg.sendfile, cfg.reuse_port) == (True, False)


def test_nothing_can_be_changed():
    cfg = config()
    with pytest.raises(AttributeError, match="give workers in the configuration file"):
        cfg.set("workers", 2)
    with pytest.raises(AttributeError, match="give workers in the configuration file"):
        cfg.workers = 2
    with pytest.raises(AttributeError, match="there is no setting 'wrokers'"):
        cfg.set("wrokers", 2)
    with pytest.raises(AttributeError, match="there is no setting 'wrokers'"):
        _ = cfg.wrokers
    assert cfg.workers == 1


def test_it_can_be_printed():
    assert "workers                           = 7" in str(config(workers=7)).splitlines()


def test_the_daemon_that_counts_is_what_gunicorns_loggers_take_apart():
    assert Config(Settings({"statsd_host": "counts.example:8125"})).statsd_host == ("counts.example", 8125)
    assert Config(Settings({"statsd_host": "unix:///run/statsd"})).statsd_host == "/run/statsd"
    assert Config(Settings()).statsd_host is None
