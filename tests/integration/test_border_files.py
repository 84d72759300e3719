"""`wsgi.file_wrapper` around files of every kind: the client gets what the file reads as, however it is sent."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http import Client
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

CONTENT = b"0123456789abcdefghijklmnopqrstuvwxyz\n" * 3000
SENT_WHOLE = ("plain", "random", "unbuffered", "unnamed", "named", "passing", "proxy")
READ = ("spooled", "rolled", "memory", "gzip", "buffered-gzip", "bzip", "xz", "zip", "partial", "bad-number")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the content, beside itself compressed."""
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    for module, ending in ((gzip, "gz"), (bz2, "bz2"), (lzma, "xz")):
        (tmp_path / f"content.{ending}").write_bytes(module.compress(CONTENT))
    with zipfile.ZipFile(tmp_path / "content.zip", "w") as archive:
        archive.write(path, "content")
    return path


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("tests.apps.border") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with server.client() as connection:
        yield connection


@pytest.mark.parametrize("kind", [*SENT_WHOLE, *READ])
def test_a_file_is_sent_as_it_reads(client: Client, path: Path, kind: str):
    for _ in range(2):
        response = client.ask("GET", f"/wrapped?kind={kind}&path={path}")
        assert response.status == 200
        assert response.body == CONTENT
        assert response.framing == ("length" if kind in SENT_WHOLE else "chunked")


@pytest.mark.parametrize("kind", ["plain", "gzip", "memory", "partial"])
def test_a_file_is_cut_at_its_length(client: Client, path: Path, kind: str):
    for length in (0, 1, 10_000):
        response = client.ask("GET", f"/wrapped?kind={kind}&path={path}&length={length}")
        assert response.body == CONTENT[:length]


def test_a_file_that_reads_otherwise_is_not_sent_from_its_descriptor(client: Client, path: Path):
    assert client.ask("GET", f"/wrapped?kind=otherwise&path={path}").body == CONTENT.swapcase()
    assert client.ask("GET", f"/wrapped?kind=buffered-part&path={path}").body == CONTENT[:1000]


def test_a_file_is_sent_from_where_its_reader_stands(client: Client, path: Path):
    assert client.ask("GET", f"/wrapped?kind=half-read&path={path}").body == CONTENT[10:]
    assert client.ask("GET", f"/wrapped?kind=half-written&path={path}").body == CONTENT[5:]


@pytest.mark.parametrize(
    ("kind", "what"),
    [("text", "something other than bytes"), ("closed", "ValueError"), ("nothing", "AttributeError")],
)
def test_what_does_not_read_as_bytes_is_a_500(server: Server, path: Path, kind: str, what: str):
    server.expect(f"kind={kind}")
    assert server.get(f"/wrapped?kind={kind}&path={path}").status == 500
    assert what in "\n".join(server.errors.wait(what))


def test_files_that_keep_their_wrappers_are_collected(client: Client):
    assert client.ask("GET", "/circles").body == b"0"
