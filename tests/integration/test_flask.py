"""A Flask application made by its factory, with sessions and uploads, over every model: an album of pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.browser import Jar, multipart
from tests.support.gate import Gate
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
FORM = "Content-Type: application/x-www-form-urlencoded"
PARTS = "Content-Type: multipart/form-data; boundary=limit"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    return folder


@pytest.fixture
def album(serve: Serve, folder: Path) -> Server:
    return serve(
        "tests.apps.flask_album:create_app()", workers=2, env={"ALBUM": str(folder), "PYTHONWARNINGS": "ignore"}
    )


@pytest.fixture
def member(album: Server) -> Jar:
    """The cookies of somebody who has logged in."""
    jar = Jar()
    entered = jar.keep(album.ask("POST", "/enter", FORM, body=b"name=ann"))
    assert (entered.status, entered.one("Location")) == (302, "/")
    assert "HttpOnly" in (entered.one("Set-Cookie") or "")
    return jar


def test_what_is_said_once_is_said_once_whichever_worker_says_it(album: Server, member: Jar):
    assert album.get("/").one("Location") == "/enter"
    first = json.loads(member.keep(album.get("/", *member.fields)).body)
    assert (first["member"], first["said"]) == ("ann", ["Welcome, ann"])
    for _ in range(6):
        page = json.loads(member.keep(album.get("/", *member.fields)).body)
        assert (page["member"], page["said"], page["pid"] in album.worker_pids()) == ("ann", [], True)


def test_pictures_are_kept_and_given_back(album: Server, member: Jar, folder: Path, gate: Gate):
    pictures = {f"picture{number}.bin": os.urandom(1_500_000) for number in range(3)}
    body = multipart("limit", *(("picture", f"../{name}", content) for name, content in pictures.items()))
    added = member.keep(album.ask("POST", "/add", PARTS, "Host: album.invalid", *member.fields, body=body))
    assert (added.status, added.one("Location")) == (302, "http://album.invalid/")
    assert json.loads(album.get("/", *member.fields).body)["pictures"] == sorted(pictures)
    for name, content in pictures.items():
        answer = album.get(f"/picture/{name}", *member.fields)
        assert answer.body == content
        gate.wait(f"torn down {name}")
        again = album.get(f"/picture/{name}", f"If-None-Match: {answer.one('ETag')}", *member.fields)
        assert (again.status, again.body) == (304, b"")
        gate.wait(f"torn down {name}")
    assert album.get("/picture/..%2Fsecret", *member.fields).status == 404


def test_an_album_has_its_bounds(album: Server, member: Jar, folder: Path):
    body = multipart("limit", ("picture", "large.bin", bytes(6_000_000)))
    refused = album.ask("POST", "/add", PARTS, *member.fields, body=body)
    assert (refused.status, refused.text) == (413, "Too large for this album")
    assert list(folder.iterdir()) == []
