"""A Django project as such projects are: migrations, the ORM on SQLite, sessions, transactions, uploads, the admin."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.browser import Jar, multipart
from tests.support.http import Response
from tests.support.paths import ROOT
from tests.support.server import Server, environment

Serve = Callable[..., Server]
FORM = "Content-Type: application/x-www-form-urlencoded"
SERVES = r"Worker \(pid:\d+\) serves"
BOOTED = "Booting worker with pid"
SHOP = "tests.apps.django_shop"
ACCOUNT = {"username": "ann", "password": "only for tests"}
UVICORN = "uvicorn_worker.UvicornWorker"
# The models of the engine, and the class that serves Django's ASGI application.
KINDS = ("sync", "gthread", "gevent", "eventlet", UVICORN)


def variables(directory: Path, **more: str) -> dict[str, str]:
    """The environment of the project, with its database and files in a directory."""
    settings = {"DJANGO_SETTINGS_MODULE": f"{SHOP}.settings", "SHOP_DIRECTORY": str(directory)}
    return {"PYTHONWARNINGS": "ignore", **settings, **more}


def manage(directory: Path, *command: str) -> str:
    """Run one of Django's commands and return what it printed."""
    account = {f"DJANGO_SUPERUSER_{name.upper()}": value for name, value in ACCOUNT.items()}
    env = environment(variables(directory, **account))
    done = subprocess.run(
        [sys.executable, "-m", "django", *command], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the database as the migrations leave it, an account, and the static files."""
    directory = tmp_path_factory.mktemp("shop")
    assert "Applying django_shop.0002_the_first_articles... OK" in manage(directory, "migrate")
    manage(directory, "createsuperuser", "--noinput", "--email", "ann@site.invalid")
    manage(directory, "collectstatic", "--noinput")
    return directory


@pytest.fixture
def directory(migrated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(migrated, tmp_path / "shop"))


@pytest.fixture(params=KINDS, ids=lambda kind: kind.rpartition(".")[2])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def engine_model(kind: str) -> str:
    return "sync" if "." in kind else kind


@pytest.fixture
def start(serve: Serve, kind: str, directory: Path) -> Callable[..., Server]:
    def start(*options: str, **env: str) -> Server:
        own = ("-k", kind) if "." in kind else ()
        app = f"{SHOP}.{'asgi' if own else 'wsgi'}:application"
        debug = ("--log-level", "debug") if own else ()
        ready = SERVES if own else BOOTED
        return serve(app, *own, *debug, *options, workers=2, ready=ready, env=variables(directory, **env))

    return start


@pytest.fixture
def shop(start: Callable[..., Server]) -> Server:
    return start()


def token(response: Response) -> str:
    """The token in the form of a page."""
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', response.text)
    assert found, response.text
    return found[1]


def log_in(shop: Server) -> Jar:
    """Log in by Django's form, and return the visitor's cookies."""
    jar = Jar()
    page = jar.keep(shop.get("/login", *jar.fields))
    fields = {**ACCOUNT, "csrfmiddlewaretoken": token(page)}
    answer = jar.keep(shop.ask("POST", "/login", FORM, *jar.fields, body=urlencode(fields).encode()))
    assert (answer.status, answer.one("Location")) == (302, "/basket")
    return jar


def articles(shop: Server) -> dict[str, list[int]]:
    """How many of each there are, and how many are sold."""
    found: dict[str, list[int]] = json.loads(shop.get("/articles").body)["articles"]
    return found


def test_a_visitor_logs_in_and_stays_so_whichever_worker_answers(shop: Server):
    assert shop.get("/basket").one("Location") == "/login?next=/basket"
    jar = log_in(shop)
    for turn in range(1, 7):
        field = f"X-CSRFToken: {jar.cookies['csrftoken']}"
        assert jar.keep(shop.ask("POST", "/basket/add/lamp", field, *jar.fields)).one("Location") == "/basket"
        assert json.loads(shop.get("/basket", *jar.fields).body) == {"user": "ann", "basket": ["lamp"] * turn}
    assert json.loads(shop.get("/articles").body)["pid"] in shop.worker_pids()


def test_a_form_without_its_token_is_refused(shop: Server):
    jar = log_in(shop)
    refused = shop.ask("POST", "/basket/add/lamp", *jar.fields)
    assert (refused.status, "CSRF" in refused.text) == (403, True)


def test_as_many_are_sold_as_there_are_whoever_sells_them(shop: Server):
    with ThreadPoolExecutor(4) as buyers:
        answers = Counter(buyers.map(lambda _: shop.ask("POST", "/buy/lamp").status, range(40)))
    assert answers == {201: 20, 409: 20}
    assert articles(shop)["lamp"] == [0, 20]
    lines = shop.get("/export").text.splitlines()
    assert (lines[0], len(lines)) == ("number,article", 21)


def test_what_fails_has_not_happened(shop: Server):
    shop.expect("a fault behind a sale")
    for _ in range(3):
        assert shop.ask("POST", "/buy-and-fail/chair").status == 500
    assert articles(shop)["chair"] == [5, 0]
    assert shop.ask("POST", "/buy/chair").status == 201
    assert articles(shop)["chair"] == [4, 1]


def test_a_file_is_kept_and_given_back(shop: Server, directory: Path):
    content = os.urandom(5_000_000)
    body = multipart("limit", ("sheet", "the sheet.bin", content))
    kind = "Content-Type: multipart/form-data; boundary=limit"
    assert shop.ask("POST", "/sheet/lamp", kind, body=body).status == 302
    for _ in range(3):
        answer = shop.get("/sheet/lamp")
        assert answer.one("Content-Disposition") == 'attachment; filename="lamp.bin"'
        assert hashlib.sha256(answer.body).digest() == hashlib.sha256(content).digest()
    assert [path.read_bytes() == content for path in (directory / "uploads" / "sheets").iterdir()] == [True]


def test_the_admin_and_its_static_files(shop: Server):
    jar = log_in(shop)
    page = shop.get("/admin/django_shop/article/", *jar.fields)
    assert (page.status, "chair" in page.text) == (200, True)
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text):
        assert shop.get(path).status == 200
    change = shop.get("/admin/django_shop/article/add/", *jar.fields)
    fields = {"csrfmiddlewaretoken": token(change), "name": "table", "stock": "3", "_save": "Save"}
    body = multipart("limit", *((name, None, value.encode()) for name, value in fields.items()))
    kind = "Content-Type: multipart/form-data; boundary=limit"
    answer = jar.keep(shop.ask("POST", "/admin/django_shop/article/add/", kind, *jar.fields, body=body))
    assert answer.status == 302, answer.text
    assert articles(shop)["table"] == [3, 0]
    assert "was added successfully" in shop.get("/admin/django_shop/article/", *jar.fields).text


def test_sessions_and_rows_outlive_a_reload(shop: Server):
    jar = log_in(shop)
    assert shop.ask("POST", "/buy/lamp").status == 201
    before = set(shop.worker_pids())
    shop.send_signal(signal.SIGHUP)
    shop.errors.wait(r"Worker exiting \(pid", count=2)
    shop.settle(2)
    assert not before & set(shop.worker_pids())
    assert json.loads(shop.get("/basket", *jar.fields).body)["user"] == "ann"
    assert articles(shop)["lamp"] == [19, 1]


def test_pages_of_errors(shop: Server):
    assert (shop.get("/nothing").status, shop.get("/sheet/nothing").status) == (404, 404)
    assert shop.get("/buy/lamp").status == 405


def test_the_page_for_developers(start: Callable[..., Server]):
    shop = start(SHOP_DEBUG="1")
    shop.expect("a fault behind a sale")
    page = shop.ask("POST", "/buy-and-fail/chair", "Accept: text/html")
    assert (page.status, "a fault behind a sale" in page.text, "Traceback" in page.text) == (500, True, True)
