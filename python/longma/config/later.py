"""Gunicorn's settings that longma does not have yet: their names, flags and values that ask for nothing.

Each is refused with its name rather than ignored, unless it is set to what would be the case anyway, as many files do.
A row leaves this list when it enters the table in `sections/`.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Later(NamedTuple):
    """A setting to come. A flag takes no argument when the default is a boolean.

    Attributes:
        bare: what the flag stands for when its argument, which may be left out, is.
    """

    name: str
    flags: tuple[str, ...] = ()
    default: object = None
    repeat: bool = False
    bare: str = ""

    def changes_nothing(self, value: object) -> bool:
        """Whether this value, read from a file or as text from the command line, is the default."""
        if isinstance(value, (list, tuple, dict)) and not value:
            return self.default is None
        return value == self.default or (isinstance(value, str) and value.strip() == str(self.default))


LATER: Final = (
    Later("threads", ("--threads",), 1),
    Later("max_requests", ("--max-requests",), 0),
    Later("max_requests_jitter", ("--max-requests-jitter",), 0),
    Later("asgi_loop", ("--asgi-loop",), "auto"),
    Later("asgi_lifespan", ("--asgi-lifespan",), "auto"),
    Later("asgi_disconnect_grace_period", ("--asgi-disconnect-grace-period",), 3),
    Later("websocket_max_message_size", ("--websocket-max-message-size",), 16777216),
    Later("http_parser", ("--http-parser",), "auto"),
    Later("reload", ("--reload",), False),
    Later("reload_engine", ("--reload-engine",), "auto"),
    Later("reload_extra_files", ("--reload-extra-file",), repeat=True),
    Later("spew", ("--spew",), False),
    Later("preload_app", ("--preload",), False),
    Later("reuse_port", ("--reuse-port",), False),
    Later("daemon", ("-D", "--daemon"), False),
    Later("raw_env", ("-e", "--env"), repeat=True),
    Later("pidfile", ("-p", "--pid")),
    Later("worker_tmp_dir", ("--worker-tmp-dir",)),
    Later("user", ("-u", "--user")),
    Later("group", ("-g", "--group")),
    Later("initgroups", ("--initgroups",), False),
    Later("tmp_upload_dir"),
    Later("secure_scheme_headers"),
    Later("forwarded_allow_ips", ("--forwarded-allow-ips",), "127.0.0.1,::1"),
    Later("pythonpath", ("--pythonpath",)),
    Later("paste", ("--paste", "--paster")),
    Later("proxy_protocol", ("--proxy-protocol",), "off", bare="auto"),
    Later("proxy_allow_ips", ("--proxy-allow-from",), "127.0.0.1,::1"),
    Later("protocol", ("--protocol",), "http"),
    Later("uwsgi_allow_ips", ("--uwsgi-allow-from",), "127.0.0.1,::1"),
    Later("raw_paste_global_conf", ("--paste-global",), repeat=True),
    Later("permit_obsolete_folding", ("--permit-obsolete-folding",), False),
    Later("strip_header_spaces", ("--strip-header-spaces",), False),
    Later("permit_unconventional_http_method", ("--permit-unconventional-http-method",), False),
    Later("permit_unconventional_http_version", ("--permit-unconventional-http-version",), False),
    Later("casefold_http_method", ("--casefold-http-method",), False),
    Later("forwarder_headers", ("--forwarder-headers",), "SCRIPT_NAME,PATH_INFO"),
    Later("root_path", ("--root-path",), ""),
    Later("disable_redirect_access_to_syslog", ("--disable-redirect-access-to-syslog",), False),
    Later("capture_output", ("--capture-output",), False),
    Later("logger_class", ("--logger-class",), "gunicorn.glogging.Logger"),
    Later("logconfig", ("--log-config",)),
    Later("logconfig_dict"),
    Later("logconfig_json", ("--log-config-json",)),
    Later("syslog_addr", ("--log-syslog-to",)),
    Later("syslog", ("--log-syslog",), False),
    Later("syslog_prefix", ("--log-syslog-prefix",)),
    Later("syslog_facility", ("--log-syslog-facility",), "user"),
    Later("enable_stdio_inheritance", ("-R", "--enable-stdio-inheritance"), False),
    Later("statsd_host", ("--statsd-host",)),
    Later("dogstatsd_tags", ("--dogstatsd-tags",), ""),
    Later("statsd_prefix", ("--statsd-prefix",), ""),
    Later("enable_backlog_metric", ("--enable-backlog-metric",), False),
    Later("proc_name", ("-n", "--name")),
    Later("default_proc_name", (), "gunicorn"),
    Later("on_starting"),
    Later("on_reload"),
    Later("when_ready"),
    Later("pre_fork"),
    Later("post_fork"),
    Later("post_worker_init"),
    Later("worker_int"),
    Later("worker_abort"),
    Later("pre_exec"),
    Later("pre_request"),
    Later("post_request"),
    Later("child_exit"),
    Later("worker_exit"),
    Later("nworkers_changed"),
    Later("on_exit"),
    Later("ssl_context"),
    Later("keyfile", ("--keyfile",)),
    Later("certfile", ("--certfile",)),
    Later("ssl_version", ("--ssl-version",), 2),
    Later("cert_reqs", ("--cert-reqs",), 0),
    Later("ca_certs", ("--ca-certs",)),
    Later("suppress_ragged_eofs", ("--suppress-ragged-eofs",), True),
    Later("do_handshake_on_connect", ("--do-handshake-on-connect",), False),
    Later("ciphers", ("--ciphers",)),
    Later("http_protocols", ("--http-protocols",), "h1"),
    Later("http2_cleartext", ("--http2-cleartext",), "off"),
    Later("http2_max_concurrent_streams", ("--http2-max-concurrent-streams",), 100),
    Later("http2_initial_window_size", ("--http2-initial-window-size",), 65535),
    Later("http2_max_frame_size", ("--http2-max-frame-size",), 16384),
    Later("http2_max_header_list_size", ("--http2-max-header-list-size",), 65536),
    Later("dirty_apps", ("--dirty-app",), repeat=True),
    Later("dirty_workers", ("--dirty-workers",), 0),
    Later("dirty_timeout", ("--dirty-timeout",), 300),
    Later("dirty_threads", ("--dirty-threads",), 1),
    Later("dirty_graceful_timeout", ("--dirty-graceful-timeout",), 30),
    Later("on_dirty_starting"),
    Later("dirty_post_fork"),
    Later("dirty_worker_init"),
    Later("dirty_worker_exit"),
    Later("control_socket", ("--control-socket",)),
    Later("control_socket_mode", ("--control-socket-mode",), 0o600),
    Later("control_socket_disable", ("--no-control-socket",), True),  # there is no control socket yet
)
