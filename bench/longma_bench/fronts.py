"""What stands between the client and the application: TLS, static files, nginx."""

from __future__ import annotations

import sys
from collections.abc import Callable

from .servers import Kind, Launch, Server, granian, gunicorn, longma

TLS = ("tls", "tls-resumed", "tls-full")
NGINX = ("nginx", "nginx")
# Where a launcher puts the port of the server behind nginx.
UPSTREAM = "{upstream}"


def _longma_tls(launch: Launch) -> list[str]:
    return longma("--certfile", str(launch.paths.certificate), "--keyfile", str(launch.paths.key))(launch)


def _granian_tls(launch: Launch) -> list[str]:
    return granian("--ssl-certificate", str(launch.paths.certificate), "--ssl-keyfile", str(launch.paths.key))(launch)


def _gunicorn_tls(launch: Launch) -> list[str]:
    files = ("--certfile", str(launch.paths.certificate), "--keyfile", str(launch.paths.key))
    return gunicorn("--threads", "4", *files)(launch)


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
