"""Sites of four frameworks do over this server what they do over any: one suite, blind to which it runs on."""

from __future__ import annotations

import hashlib
import http.cookies
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.gate import Gate
from tests.support.http import Response, chunked
from tests.support.server import Server

MODELS = ("sync", "gthread")

Serve = Callable[..., Server]
SITES = {
    "Flask": "tests.apps.flask_site:app",
    "Django": "tests.apps.django_site",
    "Bottle": "tests.apps.bottle_site:app",
    "Falcon": "tests.apps.falcon_site:app",
}
FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.fixture(params=sorted(SITES))
def framework(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def site(serve: Serve, framework: str) -> Server:
    # What frameworks warn of in themselves is their own business.
    return serve(SITES[framework], env={"PYTHONWARNINGS": "ignore"})


def cookies(response: Response) -> dict[str, str]:
    """The cookies that the answer sets."""
    jar: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
    for value in response.head.all("Set-Cookie"):
        jar.load(value)
    return {name: morsel.value for name, morsel in jar.items()}


def multipart(boundary: str, *parts: tuple[str, str | None, bytes]) -> bytes:
    """A multipart/form-data body of (name, filename, content)."""
    body = b""
    for name, filename, content in parts:
        disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
        kind = "Content-Type: application/octet-stream\r\n" if filename else ""
        body += f"--{boundary}\r\nContent-Disposition: {disposition}\r\n{kind}\r\n".encode() + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


def test_a_page(site: Server, framework: str):
    with site.client() as client:
        for _ in range(3):
            response = client.ask("GET", "/")
            assert (response.status, response.text) == (200, f"Hello from {framework}")
        assert client.ask("HEAD", "/").status == 200
        assert client.ask("GET", "/").status == 200


def test_json_and_the_query(site: Server):
    response = site.get("/json?name=value&caf%C3%A9=%E2%98%95", "Host: site.invalid:8080")
    assert (response.one("Content-Type") or "").startswith("application/json")
    assert json.loads(response.body) == {
        "host": "site.invalid:8080",
        "path": "/json",
        "args": {"name": "value", "caf\u00e9": "\u2615"},
        "scheme": "http",
    }


def test_a_form(site: Server):
    fields = [("name", "caf\u00e9"), ("many", "1"), ("many", "2"), ("long", "x" * 50_000)]
    response = site.ask("POST", "/form", FORM, body=urlencode(fields).encode())
    assert json.loads(response.body) == {"name": ["caf\u00e9"], "many": ["1", "2"], "long": ["x" * 50_000]}


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
def test_an_upload(site: Server, size: int):
    content = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    body = multipart("limit", ("title", None, b"a title"), ("document", "a b.bin", content))
    response = site.ask("POST", "/upload", "Content-Type: multipart/form-data; boundary=limit", body=body)
    seen = json.loads(response.body)
    assert seen["files"] == {"document": ["a b.bin", hashlib.sha256(content).hexdigest()]}
    assert seen["form"] == {"title": "a title"}


# Django reads no body without Content-Length, and Bottle takes the decoded one for coded, whatever serves them.
@pytest.mark.parametrize("framework", ["Falcon", "Flask"], indirect=True)
def test_a_chunked_upload(site: Server, framework: str):
    with site.client() as client:
        client.request("POST", "/raw", "Transfer-Encoding: chunked", "Content-Type: application/octet-stream")
        client.send(chunked(b"first ", b"second ", b"x" * 100_000))
        assert client.read_response().body == b"first second " + b"x" * 100_000


def test_a_raw_body(site: Server):
    body = bytes(range(256)) * 1000
    response = site.ask("POST", "/raw", "Content-Type: application/octet-stream", body=body)
    assert response.body == body


def test_cookies_come_and_go(site: Server):
    response = site.get("/cookies", "Cookie: seen=before; other=x%20y")
    assert json.loads(response.body) == {"seen": "before", "other": "x%20y"}
    assert cookies(response) == {"first": "1", "second": "2"}


def test_a_session_counts(site: Server):
    with site.client() as client:
        jar: dict[str, str] = {}
        for visit in range(1, 4):
            fields = [f"Cookie: {'; '.join(f'{name}={value}' for name, value in jar.items())}"] if jar else []
            response = client.ask("GET", "/count", *fields)
            assert json.loads(response.body) == visit
            for value in response.head.all("Set-Cookie"):
                name, _, rest = value.partition("=")
                jar[name] = rest.partition(";")[0]


def test_a_redirect(site: Server):
    response = site.get("/redirect")
    assert response.status == 302
    assert (response.one("Location") or "").endswith("/json?from=redirect")


def test_a_stream(site: Server, serve: Serve, gate: Gate):
    with site.client() as client:
        client.request("GET", "/stream")
        assert client.read_head().status == 200
        for index in range(3):
            assert client.read_chunk() == f"/stream {index}\n".encode()
            gate.wait(f"after block {index}").release()
        assert client.read_chunk() == b""


def test_a_file(site: Server, tmp_path: Path):
    path = tmp_path / "served"
    path.write_bytes(bytes(range(256)) * 10_000)
    with site.client() as client:
        for _ in range(2):
            response = client.ask("GET", f"/file{path}")
            assert response.status == 200
            assert response.body == path.read_bytes()


def test_an_error_of_the_sites_own(site: Server):
    assert site.get("/teapot").status == 418
    assert site.get("/there/is/nothing/here").status == 404


def test_a_fault_in_a_view_is_a_500(site: Server):
    site.expect("RuntimeError: a fault in a view")
    with site.client() as client:
        assert client.ask("GET", "/fault").status == 500
    site.errors.wait("RuntimeError: a fault in a view")
    assert site.get("/").status == 200


def test_djangos_models(serve: Serve):
    site = serve(SITES["Django"], env={"PYTHONWARNINGS": "ignore"})
    with site.client() as client:
        assert json.loads(client.ask("GET", "/users").body) == ["user0"]
        assert json.loads(client.ask("GET", "/users").body) == ["user0", "user1"]
