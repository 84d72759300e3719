"""What stands between the client and the application: TLS, static files, nginx."""

from __future__ import annotations

import sys
from collections.abc import Callable

from .servers import Kind, Launch, Server, granian, gunicorn, longma

TLS = ("tls", "tls-resumed", "tls-full")
NGINX = ("nginx", "nginx")
MULTIPLEXED = ("h2load", "nghttp2-client")
# What answers HTTP/1.1, by which the answer is looked at first, and HTTP/2.
EITHER = ("--http-protocols", "h2,h1", "--http2-cleartext", "both")
# Where a launcher puts the port of the server behind nginx.
UPSTREAM = "{upstream}"


def _longma_tls(launch: Launch) -> list[str]:
    return longma("--certfile", str(launch.paths.certificate), "--keyfile", str(launch.paths.key))(launch)


def _granian_tls(launch: Launch) -> list[str]:
    return granian("--ssl-certificate", str(launch.paths.certificate), "--ssl-keyfile", str(launch.paths.key))(launch)


def _gunicorn_tls(launch: Launch) -> list[str]:
    files = ("--certfile", str(launch.paths.certificate), "--keyfile", str(launch.paths.key))
    return gunicorn("--threads", "4", *files)(launch)


def _longma_h2(launch: Launch) -> list[str]:
    return [*_longma_tls(launch), "--http-protocols", "h2,h1"]


def _gunicorn_h2(launch: Launch) -> list[str]:
    return [*_gunicorn_tls(launch), "--http-protocols", "h2,h1"]


def _longma_static(launch: Launch) -> list[str]:
    return longma("--static", f"/static={launch.paths.static}")(launch)


def _nginx(launch: Launch, protocol: str, *upstream: str) -> list[str]:
    program = [sys.executable, str(launch.paths.apps / "serve_nginx.py"), str(launch.port), str(launch.paths.store)]
    return [*program, protocol, *upstream]


def _behind_nginx(protocol: str, command: Callable[[Launch], list[str]]) -> Callable[[Launch], list[str]]:
    """Run a server behind nginx, which has the port that is asked."""

    def behind(launch: Launch) -> list[str]:
        parts = command(launch)
        return _nginx(launch, protocol, *(part.replace(str(launch.port), UPSTREAM) for part in parts))

    return behind


def _uwsgi_socket(launch: Launch) -> list[str]:
    program = [str(launch.paths.venv_bin / "uwsgi"), "--uwsgi-socket", launch.address, "--need-app"]
    program += ["--virtualenv", str(launch.paths.store / "venv"), "--pythonpath", str(launch.paths.apps)]
    return [*program, "--disable-logging", "--listen", "2048", "--module", launch.application]


BEHIND = ("behind-nginx",)

FRONTS = (
    Server("longma-tls", Kind.VARIANT, _longma_tls, only=TLS),
    Server("granian-tls", Kind.RIVAL, _granian_tls, "granian", only=TLS),
    Server("gunicorn-tls", Kind.RIVAL, _gunicorn_tls, "gunicorn", only=TLS),
    Server("longma-h2c", Kind.VARIANT, longma(*EITHER), only=("h2c",), program=MULTIPLEXED),
    Server("granian-h2c", Kind.RIVAL, granian("--http", "auto"), "granian", only=("h2c",), program=MULTIPLEXED),
    Server(
        "gunicorn-h2c",
        Kind.RIVAL,
        gunicorn("--threads", "4", *EITHER),
        "gunicorn",
        only=("h2c",),
        needs=("h2",),
        program=MULTIPLEXED,
    ),
    Server("longma-h2", Kind.VARIANT, _longma_h2, only=("h2",), program=MULTIPLEXED),
    Server("granian-h2", Kind.RIVAL, _granian_tls, "granian", only=("h2",), program=MULTIPLEXED),
    Server("gunicorn-h2", Kind.RIVAL, _gunicorn_h2, "gunicorn", only=("h2",), needs=("h2",), program=MULTIPLEXED),
    Server("longma-static", Kind.VARIANT, _longma_static, only=("static",)),
    Server("nginx-static", Kind.RIVAL, lambda launch: _nginx(launch, "static"), only=("static",), program=NGINX),
    Server(
        "nginx-longma-uwsgi",
        Kind.VARIANT,
        _behind_nginx("uwsgi", longma("--protocol", "uwsgi")),
        only=BEHIND,
        program=NGINX,
    ),
    Server("nginx-longma-http", Kind.VARIANT, _behind_nginx("http", longma()), only=BEHIND, program=NGINX),
    Server("nginx-uwsgi", Kind.RIVAL, _behind_nginx("uwsgi", _uwsgi_socket), "pyuwsgi", only=BEHIND, program=NGINX),
    Server("nginx-granian", Kind.RIVAL, _behind_nginx("http", granian()), "granian", only=BEHIND, program=NGINX),
    Server(
        "nginx-gunicorn",
        Kind.RIVAL,
        _behind_nginx("http", gunicorn("--threads", "4")),
        "gunicorn",
        only=BEHIND,
        program=NGINX,
    ),
)
