"""Gunicorn's settings as its package has them: each is here by its name, flags, variable, default and meaning."""

from __future__ import annotations

import argparse
import contextlib
import io
from typing import Any

import pytest
from gunicorn.config import Config as Theirs
from gunicorn.config import Setting, make_settings
from gunicorn.errors import ConfigError

from longma.config import arguments
from longma.config.compatible import Config
from longma.config.later import LATER
from longma.config.settings import Settings, table

GUNICORNS: dict[str, Setting] = make_settings()
PARSER = Theirs().parser()
ACTIONS = {action.dest: action for action in PARSER._actions if action.dest != "args"}
VARIABLES = {
    "bind": "PORT",
    "workers": "WEB_CONCURRENCY",
    "forwarded_allow_ips": "FORWARDED_ALLOW_IPS",
    "sendfile": "SENDFILE",
}
OURS, REFUSED = table(), {later.name: later for later in LATER}
TAKEN = [name for name in GUNICORNS if name in OURS]

# Defaults of ours that are not Gunicorn's, and why.
DIFFERENT = {
    "config": None,  # the first that is found of four
    "keepalive": 75.0,  # docs/decisions/0001-keepalive-default.md
    "default_proc_name": "longma",
    "control_socket": None,  # docs/decisions/0011-control-socket.md
}
# One for each name that the server has, and for each directory.
REPEATED = {"certfile", "keyfile"}
# What Gunicorn takes of these and longma does not means something else there than it says, or breaks later:
# docs/decisions/0005-where-settings-differ.md.
STRICTER = (
    *("bind", "cert_reqs", "ssl_version", "raw_env", "raw_paste_global_conf", "syslog_facility", "syslog_addr"),
    *("protocol", "loglevel", "logger_class", "worker_class", "ciphers", "logconfig", "logconfig_json"),
    *("paste", "user", "group", "threads", "http2_initial_window_size", "reload_extra_files", "umask"),
    *("control_socket_mode", "header_map"),
)
# Seen in another form, as that page says: a class by its name, a name in upper case, a 0 or None as what it stands for.
OTHERWISE = (
    *("logger_class", "worker_class", "forwarder_headers", "secure_scheme_headers", "errorlog", "sendfile"),
    *("proc_name", "ssl_version", "threads", "limit_request_fields", "limit_request_field_size"),
    *("access_log_format", "syslog_addr", "syslog_facility", "statsd_host", "http_parser", "asgi_loop"),
    *("asgi_lifespan",),
)
VALUES: tuple[Any, ...] = (
    *(0, 1, 2, 5, -1, 1.5, True, False, None, float("nan"), 2**31 - 1),
    *(
        "",
        " ",
        "0",
        "1",
        "5",
        " 5 ",
        "-1",
        "0x10",
        "0o17",
        "017",
        "1_000",
        "1e3",
        "0.5",
        "true",
        "True",
        "FALSE",
        "yes",
        "auto",
    ),
    *("*", "::1", "10.0.0.0/8", "10.0.0.1/8", "a,b", "a#b", "k=v", "off", "none", "v1", "http", "sync", "é", "/tmp"),
    *([], ["a"], ("a",), ["k=v"], {}, {"A": "b"}, b"x", object(), lambda: 1, lambda a: 1, lambda a, b: 1),
)


def test_there_is_every_setting_and_each_that_is_refused_has_a_reason():
    assert len(GUNICORNS) == 120
    assert [name for name in GUNICORNS if (name in OURS) == (name in REFUSED)] == []
    assert all(later.why for later in LATER)
    assert set(REFUSED) <= set(GUNICORNS)


@pytest.mark.parametrize("name", GUNICORNS)
def test_it_has_gunicorns_flags(name: str):
    flags = OURS[name].cli if name in OURS else REFUSED[name].flags
    theirs = GUNICORNS[name].cli or ()
    assert list(flags)[: len(theirs)] == list(theirs)
    ours = arguments._flags(OURS)
    for flag in theirs:
        action = ACTIONS[name]
        takes_value = not isinstance(action, argparse._StoreConstAction)
        assert (ours[flag].takes_value, bool(ours[flag].words)) == (takes_value, action.nargs == "?")
        assert ours[flag].repeat is (isinstance(action, argparse._AppendAction) or name in REPEATED)
        assert takes_value or ours[flag].constant == action.const


def test_a_prefix_that_is_unique_among_gunicorns_flags_means_the_same_here():
    theirs = [flag for action in PARSER._actions for flag in action.option_strings if flag.startswith("--")]
    reader = arguments._Reader(OURS)
    for flag in theirs:
        for prefix in (flag[:length] for length in range(3, len(flag))):
            meant = {PARSER._option_string_actions[longer].dest for longer in theirs if longer.startswith(prefix)}
            if prefix not in theirs and len(meant) == 1 and meant.isdisjoint(("version", "help")):
                assert reader._abbreviated(prefix).name in meant, prefix


@pytest.mark.parametrize("name", TAKEN)
def test_it_has_gunicorns_variable_and_default(name: str):
    row = OURS[name]
    assert row.env == VARIABLES.get(name, "")
    theirs = GUNICORNS[name].get()
    if name in DIFFERENT:
        assert row.default == DIFFERENT[name] != theirs
    elif name == "chdir":
        assert row.default == "."  # the same, whatever it is called
    elif not callable(theirs):  # a hook that does nothing
        assert row.kind.parse(theirs) == row.default


@pytest.mark.parametrize("name", [name for name in GUNICORNS if name in REFUSED])
def test_what_is_refused_may_hold_gunicorns_default(name: str):
    later, default = REFUSED[name], GUNICORNS[name].default
    if not callable(default):
        assert later.changes_nothing(default)
    if isinstance(default, list):
        assert later.changes_nothing(",".join(default) or [])
    elif later.flags and default is not None and not isinstance(default, bool):
        assert later.changes_nothing(str(default))


def test_what_has_no_effect_says_why():
    inert = {name for name, row in OURS.items() if row.inert}
    assert inert >= {"worker_tmp_dir", "tmp_upload_dir", "http_parser", "root_path", "asgi_loop"}
    assert inert <= set(GUNICORNS)


@pytest.mark.parametrize("name", TAKEN)
def test_what_gunicorn_takes_is_taken_and_means_the_same(name: str):
    for value in VALUES:
        theirs = Theirs()
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # what it says of ssl_version
                theirs.set(name, value)
        except (TypeError, ValueError, AttributeError, ConfigError):
            continue
        try:
            ours = OURS[name].kind.parse(value)
        except ValueError:
            assert name in STRICTER, (value, theirs.settings[name].get())
            continue
        if name not in OTHERWISE and not callable(value):
            seen, meant = getattr(Config(Settings({name: ours})), name), theirs.settings[name].get()
            assert plain(seen) == plain(meant), (value, seen, meant)


def plain(value: object) -> object:
    """A value so that those which mean the same are equal: nothing is None, and a number is a number."""
    return None if value is False or value in ("", [], {}, None) else value
