"""Settings of Gunicorn's that mean nothing here. They are taken, and a notice says why they change nothing."""

from __future__ import annotations

from longma.config.option import Section, option
from longma.config.parsers import BYTES, OPTIONAL_FILE, SECONDS, TEXT, one_of

_ASGI = "this version serves WSGI applications only"


class WithoutEffect(Section):
    """Settings of Gunicorn's that mean nothing here. They are taken, and a notice says why they change nothing."""

    __slots__ = ()
    title = "Accepted without effect"

    worker_tmp_dir: str | None = option(
        None,
        kind=OPTIONAL_FILE,
        cli=("--worker-tmp-dir",),
        inert="workers show that they are alive in shared memory, not by a file",
        doc="Where Gunicorn's workers keep the file by which they show that they are alive.",
    )
    tmp_upload_dir: str | None = option(
        None,
        kind=OPTIONAL_FILE,
        inert="large request bodies are held where the variable TMPDIR says",
        doc="Nothing in Gunicorn reads it either.",
    )
    http_parser: str = option(
        "auto",
        kind=one_of("auto", "fast", "python", none="auto"),
        cli=("--http-parser",),
        inert="there is one parser, the server's own",
        doc="Which of Gunicorn's parsers reads requests.",
    )
    root_path: str = option(
        "", kind=TEXT, cli=("--root-path",), inert=_ASGI, doc="The `root_path` of an ASGI application's scope."
    )
    asgi_loop: str = option(
        "auto",
        kind=one_of("auto", "asyncio", "uvloop", none="auto"),
        cli=("--asgi-loop",),
        inert=_ASGI,
        doc="The event loop of ASGI applications.",
    )
    asgi_lifespan: str = option(
        "auto",
        kind=one_of("auto", "on", "off", none="auto"),
        cli=("--asgi-lifespan",),
        inert=_ASGI,
        doc="Whether ASGI applications are told when the server starts and stops.",
    )
    asgi_disconnect_grace_period: float = option(
        3.0,
        kind=SECONDS,
        cli=("--asgi-disconnect-grace-period",),
        unit="seconds",
        inert=_ASGI,
        doc="How long an ASGI application may go on when its client is gone.",
    )
    websocket_max_message_size: int = option(
        16777216,
        kind=BYTES,
        cli=("--websocket-max-message-size",),
        unit="bytes",
        inert=_ASGI,
        doc="The largest WebSocket message that is accepted.",
    )
