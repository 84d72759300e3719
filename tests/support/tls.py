"""A client that speaks TLS, and otherwise is the one of `http.py`."""

from __future__ import annotations

import ssl

from tests.support.certificates import Certificate
from tests.support.http import Client
from tests.support.server import Server


def options(*certificates: Certificate) -> tuple[str, ...]:
    """What a server is started with to show these."""
    paths = [(str(one.path), str(one.key)) for one in certificates]
    return tuple(word for path, key in paths for word in ("--certfile", path, "--keyfile", key))


def trusting(certificate: Certificate, **how: object) -> ssl.SSLContext:
    """The settings of a client that trusts this one; attributes of the context by name."""
    context = ssl.create_default_context(cafile=str(certificate.path))
    for name, value in how.items():
        setattr(context, name, value)
    return context


def secure(
    server: Server,
    context: ssl.SSLContext,
    name: str = "localhost",
    session: ssl.SSLSession | None = None,
    *,
    receive_buffer: int | None = None,
) -> Client:
    """A connection to the first listener whose handshake is over. An end without close_notify fails a read of it."""
    client = server.client(receive_buffer=receive_buffer)
    client.socket = context.wrap_socket(
        client.socket, server_hostname=name, session=session, suppress_ragged_eofs=False
    )
    return client


def session_of(client: Client) -> ssl.SSLSocket:
    """The connection, as one of TLS."""
    assert isinstance(client.socket, ssl.SSLSocket)
    return client.socket
