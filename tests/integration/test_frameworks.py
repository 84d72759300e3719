"""Sites of frameworks do over this server what they do over any: one suite, blind to what serves which of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from tests.support.browser import Jar, cookies, multipart
from tests.support.gate import Gate
from tests.support.http import chunked
from tests.support.server import Server

Serve = Callable[..., Server]
FORM = "Content-Type: application/x-www-form-urlencoded"
BOOTED = "Booting worker with pid"
SERVES = r"Worker \(pid:\d+\) serves"
MODELS_OF_WSGI = ("sync", "gthread", "gevent", "eventlet")
WSGI = {
    "Flask": "tests.apps.flask_site:app",
    "Django": "tests.apps.django_site",
    "Bottle": "tests.apps.bottle_site:app",
    "Falcon": "tests.apps.falcon_site:app",
}
UVICORN = "uvicorn_worker.UvicornWorker"


class Case(NamedTuple):
    """A framework's site, and what calls it: a model of the engine's, or a class with an HTTP server of its own."""

    framework: str
    app: str
    model: str
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.framework}-{self.kind.rpartition('.')[2] or self.model}"


CASES = [
    *(Case(framework, app, model) for framework, app in WSGI.items() for model in MODELS_OF_WSGI),
    Case("aiohttp", "tests.apps.aiohttp_site:app", "sync", "aiohttp.GunicornWebWorker"),
    Case("aiohttp", "tests.apps.aiohttp_site:create_app", "sync", "aiohttp.GunicornUVLoopWebWorker"),
    Case("FastAPI", "tests.apps.fastapi_site:app", "sync", UVICORN),
    Case("Starlette", "tests.apps.starlette_site:app", "sync", UVICORN),
    Case("Sanic", "tests.apps.sanic_site:app", "sync", UVICORN),
    Case("Tornado", "tests.apps.tornado_site:app", "sync", "tornado"),
]


def those(*frameworks: str) -> pytest.MarkDecorator:
    """Run a test with the sites of these frameworks only."""
    chosen = [case for case in CASES if case.framework in frameworks]
    return pytest.mark.parametrize("case", chosen, indirect=True, ids=str)


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    chosen: Case = request.param
    return chosen


@pytest.fixture
def engine_model(case: Case) -> str:
    return case.model


@pytest.fixture
def framework(case: Case) -> str:
    return case.framework


@pytest.fixture
def start(serve: Serve, case: Case, gate: Gate) -> Callable[..., Server]:
    """Serve the site by so many workers; what frameworks warn of in themselves is their own business."""

    def start(workers: int = 1) -> Server:
        options = ("-k", case.kind, "--log-level", "debug") if case.kind else ()
        env = {"PYTHONWARNINGS": "ignore"}
        return serve(case.app, *options, env=env, workers=workers, ready=SERVES if case.kind else BOOTED)

    return start


@pytest.fixture
def site(start: Callable[..., Server]) -> Server:
    return start()


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
@those("Falcon", "Flask", "aiohttp", "FastAPI", "Starlette", "Sanic", "Tornado")
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


def test_a_session_counts_whoever_answers(start: Callable[..., Server]):
    site = start(workers=2)
    jar = Jar()
    for visit in range(1, 7):
        assert json.loads(jar.keep(site.get("/count", *jar.fields)).body) == visit


def test_a_redirect(site: Server):
    response = site.get("/redirect")
    assert response.status == 302
    assert (response.one("Location") or "").endswith("/json?from=redirect")


def test_a_stream(site: Server, gate: Gate):
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


@those("Flask", "Bottle", "aiohttp", "FastAPI", "Starlette", "Tornado")
def test_a_file_in_part_and_unchanged(site: Server, tmp_path: Path):
    path = tmp_path / "served"
    path.write_bytes(bytes(range(256)) * 10_000)
    whole = site.get(f"/file{path}")
    part = site.get(f"/file{path}", "Range: bytes=1000-500999")
    assert (part.status, part.one("Content-Range")) == (206, "bytes 1000-500999/2560000")
    assert part.body == path.read_bytes()[1000:501_000]
    assert site.get(f"/file{path}", "Range: bytes=9999999-").status == 416
    assert site.ask("HEAD", f"/file{path}").one("Content-Length") == "2560000"
    assert whole.one("Last-Modified")


@those("Flask", "Bottle", "aiohttp", "Tornado")
def test_a_file_that_the_client_has(site: Server, tmp_path: Path):
    path = tmp_path / "served"
    path.write_bytes(b"the same as ever")
    with site.client() as client:
        entity_tag = client.ask("GET", f"/file{path}").one("ETag")
        response = client.ask("GET", f"/file{path}", f"If-None-Match: {entity_tag}")
        assert (response.status, response.body) == (304, b"")
        assert client.ask("GET", f"/file{path}").body == b"the same as ever"
