"""All of Gunicorn's settings: each is here by its name, flags, variable and default, or refused with the reason."""

from __future__ import annotations

import os
from typing import NamedTuple

import pytest

from longma.config.later import LATER
from longma.config.option import Option
from longma.config.settings import table


class Known(NamedTuple):
    """One of Gunicorn's settings; `default` as a configuration file would write it."""

    name: str
    flags: str = ""
    default: object = None
    env: str = ""


SCHEMES = {"X-FORWARDED-PROTOCOL": "ssl", "X-FORWARDED-PROTO": "https", "X-FORWARDED-SSL": "on"}
COMBINED = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'
LOCAL = ["127.0.0.1", "::1"]
CONTROL_PATH = "$XDG_RUNTIME_DIR/gunicorn.ctl"

GUNICORNS = (
    # Config file
    Known("config", "-c --config", "./gunicorn.conf.py"),
    Known("wsgi_app"),
    # Server socket
    Known("bind", "-b --bind", ["127.0.0.1:8000"], "PORT"),
    Known("backlog", "--backlog", 2048),
    # Worker processes
    Known("workers", "-w --workers", 1, "WEB_CONCURRENCY"),
    Known("worker_class", "-k --worker-class", "sync"),
    Known("threads", "--threads", 1),
    Known("worker_connections", "--worker-connections", 1000),
    Known("max_requests", "--max-requests", 0),
    Known("max_requests_jitter", "--max-requests-jitter", 0),
    Known("timeout", "-t --timeout", 30),
    Known("graceful_timeout", "--graceful-timeout", 30),
    Known("keepalive", "--keep-alive", 2),
    Known("asgi_loop", "--asgi-loop", "auto"),
    Known("asgi_lifespan", "--asgi-lifespan", "auto"),
    Known("asgi_disconnect_grace_period", "--asgi-disconnect-grace-period", 3),
    Known("websocket_max_message_size", "--websocket-max-message-size", 16777216),
    Known("http_parser", "--http-parser", "auto"),
    # Security
    Known("limit_request_line", "--limit-request-line", 4094),
    Known("limit_request_fields", "--limit-request-fields", 100),
    Known("limit_request_field_size", "--limit-request-field_size", 8190),
    # Debugging
    Known("reload", "--reload", False),
    Known("reload_engine", "--reload-engine", "auto"),
    Known("reload_extra_files", "--reload-extra-file", []),
    Known("spew", "--spew", False),
    Known("check_config", "--check-config", False),
    Known("print_config", "--print-config", False),
    # Server mechanics
    Known("preload_app", "--preload", False),
    Known("sendfile", "--no-sendfile", None, "SENDFILE"),
    Known("reuse_port", "--reuse-port", False),
    Known("chdir", "--chdir", "."),
    Known("daemon", "-D --daemon", False),
    Known("raw_env", "-e --env", []),
    Known("pidfile", "-p --pid"),
    Known("worker_tmp_dir", "--worker-tmp-dir"),
    Known("user", "-u --user", os.geteuid()),
    Known("group", "-g --group", os.getegid()),
    Known("umask", "-m --umask", 0),
    Known("initgroups", "--initgroups", False),
    Known("tmp_upload_dir"),
    Known("secure_scheme_headers", "", SCHEMES),
    Known("forwarded_allow_ips", "--forwarded-allow-ips", LOCAL, "FORWARDED_ALLOW_IPS"),
    Known("pythonpath", "--pythonpath"),
    Known("paste", "--paste --paster"),
    Known("proxy_protocol", "--proxy-protocol", "off"),
    Known("proxy_allow_ips", "--proxy-allow-from", LOCAL),
    Known("protocol", "--protocol", "http"),
    Known("uwsgi_allow_ips", "--uwsgi-allow-from", LOCAL),
    Known("raw_paste_global_conf", "--paste-global", []),
    Known("permit_obsolete_folding", "--permit-obsolete-folding", False),
    Known("strip_header_spaces", "--strip-header-spaces", False),
    Known("permit_unconventional_http_method", "--permit-unconventional-http-method", False),
    Known("permit_unconventional_http_version", "--permit-unconventional-http-version", False),
    Known("casefold_http_method", "--casefold-http-method", False),
    Known("forwarder_headers", "--forwarder-headers", ["SCRIPT_NAME", "PATH_INFO"]),
    Known("header_map", "--header-map", "drop"),
    Known("root_path", "--root-path", ""),
    # Logging
    Known("accesslog", "--access-logfile"),
    Known("disable_redirect_access_to_syslog", "--disable-redirect-access-to-syslog", False),
    Known("access_log_format", "--access-logformat", COMBINED),
    Known("errorlog", "--error-logfile --log-file", "-"),
    Known("loglevel", "--log-level", "info"),
    Known("capture_output", "--capture-output", False),
    Known("logger_class", "--logger-class", "gunicorn.glogging.Logger"),
    Known("logconfig", "--log-config"),
    Known("logconfig_dict", "", {}),
    Known("logconfig_json", "--log-config-json"),
    Known("syslog_addr", "--log-syslog-to", "udp://localhost:514"),
    Known("syslog", "--log-syslog", False),
    Known("syslog_prefix", "--log-syslog-prefix"),
    Known("syslog_facility", "--log-syslog-facility", "user"),
    Known("enable_stdio_inheritance", "-R --enable-stdio-inheritance", False),
    Known("statsd_host", "--statsd-host"),
    Known("dogstatsd_tags", "--dogstatsd-tags", ""),
    Known("statsd_prefix", "--statsd-prefix", ""),
    Known("enable_backlog_metric", "--enable-backlog-metric", False),
    # Process naming
    Known("proc_name", "-n --name"),
    Known("default_proc_name", "", "gunicorn"),
    # Server hooks
    *map(Known, ("on_starting", "on_reload", "when_ready", "pre_fork", "post_fork", "post_worker_init", "worker_int")),
    *map(Known, ("worker_abort", "pre_exec", "pre_request", "post_request", "child_exit", "worker_exit")),
    *map(Known, ("nworkers_changed", "on_exit", "ssl_context")),
    *map(Known, ("on_dirty_starting", "dirty_post_fork", "dirty_worker_init", "dirty_worker_exit")),
    # SSL
    Known("keyfile", "--keyfile"),
    Known("certfile", "--certfile"),
    Known("ssl_version", "--ssl-version", 2),
    Known("cert_reqs", "--cert-reqs", 0),
    Known("ca_certs", "--ca-certs"),
    Known("suppress_ragged_eofs", "--suppress-ragged-eofs", True),
    Known("do_handshake_on_connect", "--do-handshake-on-connect", False),
    Known("ciphers", "--ciphers"),
    # HTTP/2
    Known("http_protocols", "--http-protocols", "h1"),
    Known("http2_cleartext", "--http2-cleartext", "off"),
    Known("http2_max_concurrent_streams", "--http2-max-concurrent-streams", 100),
    Known("http2_initial_window_size", "--http2-initial-window-size", 65535),
    Known("http2_max_frame_size", "--http2-max-frame-size", 16384),
    Known("http2_max_header_list_size", "--http2-max-header-list-size", 65536),
    # Dirty arbiters
    Known("dirty_apps", "--dirty-app", []),
    Known("dirty_workers", "--dirty-workers", 0),
    Known("dirty_timeout", "--dirty-timeout", 300),
    Known("dirty_threads", "--dirty-threads", 1),
    Known("dirty_graceful_timeout", "--dirty-graceful-timeout", 30),
    # Control
    Known("control_socket", "--control-socket", CONTROL_PATH),
    Known("control_socket_mode", "--control-socket-mode", 0o600),
    Known("control_socket_disable", "--no-control-socket", False),
)

# Defaults of ours that are not Gunicorn's, and why.
DIFFERENT = {
    "config": None,  # the first that is found of four
    "keepalive": 75.0,  # docs/decisions/0001-keepalive-default.md
    "default_proc_name": "longma",
    "control_socket": None,  # there is none yet, and an instance that takes another's is not to be copied
    "control_socket_disable": True,
}

OURS, REFUSED = table(), {later.name: later for later in LATER}
TAKEN = [known for known in GUNICORNS if known.name in OURS]


def test_every_setting_is_in_the_table_or_refused_with_a_reason():
    assert len(GUNICORNS) == 120
    assert [known.name for known in GUNICORNS if (known.name in OURS) == (known.name in REFUSED)] == []
    assert all(later.why for later in LATER)
    assert {later.name for later in LATER} <= {known.name for known in GUNICORNS}


def ids(known: Known) -> str:
    return known.name


@pytest.mark.parametrize("known", GUNICORNS, ids=ids)
def test_it_has_gunicorns_flags(known: Known):
    flags = OURS[known.name].cli if known.name in OURS else REFUSED[known.name].flags
    assert list(flags)[: len(known.flags.split())] == known.flags.split()


@pytest.mark.parametrize("known", TAKEN, ids=ids)
def test_it_has_gunicorns_variable_and_default(known: Known):
    row: Option[object] = OURS[known.name]
    assert row.env == known.env
    if known.name in DIFFERENT:
        assert row.default == DIFFERENT[known.name] != known.default
    else:
        assert row.kind.parse(known.default) == row.default


@pytest.mark.parametrize("known", [known for known in GUNICORNS if known.name in REFUSED], ids=ids)
def test_what_is_refused_may_hold_gunicorns_default(known: Known):
    later = REFUSED[known.name]
    assert later.changes_nothing(known.default)
    if isinstance(known.default, list):
        assert later.changes_nothing(",".join(known.default) or [])
    elif known.flags and known.default is not None and not isinstance(known.default, bool):
        assert later.changes_nothing(str(known.default))


def test_a_flag_that_gunicorn_has_without_a_value_has_none_here():
    for known in TAKEN:
        if isinstance(known.default, bool) and known.flags:
            assert OURS[known.name].constant is True, known.name


def test_a_flag_that_gunicorn_lets_repeat_does_so_here():
    repeated = {known.name for known in GUNICORNS if isinstance(known.default, list) and known.flags}
    by_commas = {"forwarded_allow_ips", "forwarder_headers", "proxy_allow_ips", "uwsgi_allow_ips"}
    found = {name for name, row in OURS.items() if row.repeat} | {later.name for later in LATER if later.repeat}
    # One for each name that the server has, and for each directory.
    assert found == repeated - by_commas | {"certfile", "keyfile", "static", "sendfile_root", "accel_redirect"}


def test_what_has_no_effect_says_why():
    inert = {name for name, row in OURS.items() if row.inert}
    assert inert >= {"worker_tmp_dir", "tmp_upload_dir", "http_parser", "root_path", "asgi_loop", "control_socket"}
    assert inert <= {known.name for known in GUNICORNS}
