"""Where the server listens."""

from __future__ import annotations

from longma.config.option import Section, option
from longma.config.parsers import ADDRESSES, BOOLEAN, COUNT


def _every_interface(port: str) -> str | None:
    return f"0.0.0.0:{port.strip()}" if port.strip() else None


class ServerSocket(Section):
    """Where the server listens."""

    __slots__ = ()
    title = "Server socket"

    bind: tuple[str, ...] = option(
        ("127.0.0.1:8000",),
        kind=ADDRESSES,
        cli=("-b", "--bind"),
        env="PORT",
        from_env=_every_interface,
        repeat=True,
        doc="The addresses to listen on: `HOST`, `HOST:PORT`, `:PORT`, `[IPV6]:PORT`, `unix:PATH` or `fd://N`. The "
        "port is 8000 unless given. Each may say in front what is spoken there, as `uwsgi://unix:PATH` does: `http`, "
        "`uwsgi`, `fastcgi` or `scgi`; else `protocol` says it. Give the flag several times for several addresses. "
        "With `PORT` in the environment the default is `0.0.0.0:$PORT`. When one is `fd://N`, only those are used.",
    )
    backlog: int = option(
        2048,
        kind=COUNT,
        cli=("--backlog",),
        unit="connections",
        reload=False,
        doc="How many connections may wait to be accepted.",
    )
    defer_accept: bool = option(
        True,
        kind=BOOLEAN,
        cli=("--no-defer-accept",),
        constant=False,
        reload=False,
        doc="Let the kernel hold back a new TCP connection until its first bytes are there, for at most a second "
        "(Linux, `TCP_DEFER_ACCEPT`). Saves a third of the cost of a connection that carries one request.",
    )
