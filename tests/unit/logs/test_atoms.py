"""The atoms of an access line that Python makes."""

from __future__ import annotations

import base64
import os
import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from longma.logs.atoms import SafeAtoms, atoms, members, raw_path, trace_of, user_of

ENVIRON = {
    "REMOTE_ADDR": "192.0.2.1",
    "REQUEST_METHOD": "GET",
    "RAW_URI": "/a%20b?q=1",
    "PATH_INFO": "/a b",
    "QUERY_STRING": "q=1",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_REFERER": "http://from.invalid/",
    "HTTP_USER_AGENT": 'test "quoted"',
    "wsgi.url_scheme": "http",
}
TIME = timedelta(seconds=1, microseconds=234567)


def response(**attributes: Any) -> SimpleNamespace:
    """A response with a body of 14 bytes."""
    return SimpleNamespace(
        **{"status": "200 OK", "headers": [("Content-Type", "text/plain")], "sent": 14, **attributes}
    )


def request(**attributes: Any) -> SimpleNamespace:
    """A request with one field."""
    return SimpleNamespace(**{"headers": [("X-ID", "7")], **attributes})


def line(form: str, environ: dict[str, Any] = ENVIRON, resp: Any = None, req: Any = None) -> str:
    """The line that a format makes."""
    return form % SafeAtoms(atoms(resp or response(), req or request(), environ, TIME))


def test_every_atom_of_gunicorns():
    form = "%(h)s|%(l)s|%(u)s|%(r)s|%(m)s|%(U)s|%(q)s|%(H)s|%(s)s|%(B)s|%(b)s|%(f)s|%(a)s|%(T)s|%(M)s|%(D)s|%(L)s|%(p)s"
    assert line(form) == (
        "192.0.2.1|-|-|GET /a%20b?q=1 HTTP/1.1|GET|/a b|q=1|HTTP/1.1|200|14|14|http://from.invalid/|"
        f'test \\"quoted\\"|1|1234|1234567|1.234567|<{os.getpid()}>'
    )
    assert line("%({x-id}i)s %({X-Id}i)s %({content-type}o)s %({wsgi.url_scheme}e)s") == "7 7 text/plain http"
    assert re.fullmatch(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]", line("%(t)s"))


def test_what_is_not_known_is_a_dash():
    nothing = SimpleNamespace()
    assert (
        line("%(h)s %(u)s %(r)s %(s)s %(b)s %(B)s %(U)s %({a}i)s %(zz)s", {}, nothing, nothing)
        == "- - - - - - - - - - -"
    )


def test_a_day_and_more_is_not_wrapped():
    found = atoms(response(), request(), ENVIRON, timedelta(days=1, seconds=1))
    assert (found["T"], found["M"], found["L"]) == (86401, 86401000, "86401.000000")


@pytest.mark.parametrize(
    ("status", "shown"), [("404 Not Found", "404"), (b"404 Not Found", "404"), ("404", "404"), (404, "404"), ("", "-")]
)
def test_a_status_of_any_form(status: object, shown: str):
    assert line("%(s)s", resp=response(status=status)) == shown


def test_headers_may_be_a_mapping():
    found = line("%({a}i)s %({b}o)s", resp=response(headers={"B": "2"}), req=request(headers={"A": "1"}))
    assert found == "1 2"


@pytest.mark.parametrize(
    ("credentials", "user"),
    [
        (b"alice:secret", "alice"),
        (b"alice:secret:more", "alice"),
        (b":secret", ""),
        (b"a\n[b\xff:c", "a\n[b\xff"),
        (b"no colon", None),
    ],
)
def test_the_user_of_basic_credentials(credentials: bytes, user: str | None):
    for scheme in ("Basic", "basic", "BASIC"):
        assert user_of({"HTTP_AUTHORIZATION": f"{scheme} {base64.b64encode(credentials).decode()}"}) == user


@pytest.mark.parametrize("value", ["", "Basic", "Basic !", "Basic YQ=", "Bearer YTpi", "Basic \xff"])
def test_credentials_that_are_none(value: str):
    assert user_of({"HTTP_AUTHORIZATION": value}) is None
    assert line("%(u)s", {"HTTP_AUTHORIZATION": value}) == "-"


def test_text_is_escaped_and_numbers_are_numbers():
    found = SafeAtoms({"a": 'x"\n', "n": 3})
    assert (found["a"], found["n"]) == ('x\\"\\x0a', 3)


@pytest.mark.parametrize(
    ("uri", "path"),
    [("/a?b#c", "/a"), ("/a#c?b", "/a"), ("http://h/a?b", "/a"), ("http://h", "/"), ("*", "*"), ("/x://y", "/x://y")],
)
def test_paths_as_they_were_sent(uri: str, path: str):
    assert raw_path(uri) == path


TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("value", "is_valid"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-01-more", True),
        (f"00-{TRACE}-{SPAN}-01-more", False),
        (f"ff-{TRACE}-{SPAN}-01", False),
        (f"00-{TRACE.upper()}-{SPAN}-01", False),
        (f"00-{'0' * 32}-{SPAN}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE[1:]}-{SPAN}-01", False),
        (f"00-{TRACE}-{SPAN}", False),
        ("", False),
    ],
)
def test_traces(value: str, is_valid: bool):
    assert trace_of(value) == ({"trace_id": TRACE, "span_id": SPAN} if is_valid else {})


def test_members_of_a_request_without_anything():
    assert set(members(SimpleNamespace(), {}, TIME).values()) == {None, 1234567}
