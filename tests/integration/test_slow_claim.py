"""A thousand clients of each slow kind beside normal traffic: all of it is answered, memory is bounded, none stays.

The deadlines are shortened here; what the p99 of the others does with those there are by default is measured by
`bench/slow_clients` and told in docs/deploy/slow-clients.md.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.certificates import ready_made
from tests.support.deadlines import until
from tests.support.http import Client
from tests.support.load import Load
from tests.support.processes import descriptors, peak_resident_bytes
from tests.support.server import Server
from tests.support.slow import KINDS, SlowClients
from tests.support.tls import options, trusting

Serve = Callable[..., Server]
COUNT = 1000
DEADLINES = ("--header-timeout=2", "--body-timeout=2", "--write-timeout=2")
# For clients that hold on to a connection behind their answer: the others' witness may be kept from asking for a while.
SILENT = ("kept", "reader")
KEPT = "--keep-alive=5"
# By default a reader of a KB a second is fast enough.
RATE = "--min-transfer-rate=8000"
# What slow clients may cost both workers together: so much each, and the answers that a worker holds in memory for
# them, with what the allocator does not use of it.
BYTES_EACH = 24 << 10
ANSWERS = 2 * (96 << 20)


@pytest.mark.parametrize("name", KINDS)
def test_a_thousand_of_them_harm_nobody(serve: Serve, name: str):
    server = serve("tests.apps.answers", *DEADLINES, RATE, *((KEPT,) if name in SILENT else ()), workers=2)
    with Load(server.address, connections=2) as witness:
        harm_nobody(server, witness, name)
    witness.check()


class SecureLoad(Load):
    """The same load over TLS."""

    def connect(self) -> Client:
        client = super().connect()
        client.socket = trusting(ready_made()).wrap_socket(client.socket, server_hostname="localhost")
        return client


def test_a_thousand_handshakes_that_go_no_further_harm_nobody(serve: Serve):
    server = serve("tests.apps.answers", *DEADLINES, *options(ready_made()), workers=2)
    with SecureLoad(server.address, connections=2) as witness:
        harm_nobody(server, witness, "handshake")
    witness.check()


def harm_nobody(server: Server, witness: Load, name: str) -> None:
    server.expect("min_transfer_rate|header_timeout|body_timeout|handshake")
    witness.more(100)
    before = sum(map(peak_resident_bytes, server.worker_pids()))
    with SlowClients(server.address, name, COUNT) as slow:
        witness.more(500)
        slow.wait_until_closed()
        witness.more(100)
    cost = sum(map(peak_resident_bytes, server.worker_pids())) - before
    assert cost < COUNT * BYTES_EACH + (ANSWERS if name == "reader" else 0)
    until(lambda: files(server) < 100, "their descriptors to be closed")


def files(server: Server) -> int:
    return max(len(descriptors(pid)) for pid in server.worker_pids())
