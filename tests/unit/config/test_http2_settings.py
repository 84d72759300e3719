"""The settings of HTTP/2: versions in an order, ways to begin, numbers within the bounds of RFC 9113."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from longma.config.compatible import Config
from longma.config.render import assignment
from longma.config.resolve import resolve
from longma.config.sections.http2 import cleartext, versions
from longma.config.settings import Settings, table

LARGEST = 2**31 - 1


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("h1", ("h1",)),
        ("h2", ("h2",)),
        ("h2,h1", ("h2", "h1")),
        (" H1 , h2,", ("h1", "h2")),
        ("", ("h1",)),
        (" , ", ("h1",)),
        (None, ("h1",)),
        (["h2", "h1"], ("h2", "h1")),
    ],
)
def test_versions_stand_in_the_order_of_preference(value: object, names: tuple[str, ...]):
    assert versions(value) == names


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("h3", "name h1, h2 or both, divided by a comma, not 'h3'"),
        ("h1,http/1.1", "name h1, h2 or both, divided by a comma, not 'http/1.1'"),
        ("h1 h2", "name h1, h2 or both, divided by a comma, not 'h1 h2'"),
        ("h2,H2", "name each version once, not 'h2,H2'"),
        ([2], "hold strings only, not 2"),
        (2, "be a list of strings, not 2"),
    ],
)
def test_what_is_no_list_of_versions_is_refused(value: object, words: str):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        versions(value)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("off", "off"),
        (None, "off"),
        (False, "off"),
        ("false", "off"),
        (True, "prior-knowledge"),
        ("True", "prior-knowledge"),
        (" Prior-Knowledge", "prior-knowledge"),
        ("upgrade", "upgrade"),
        ("BOTH", "both"),
    ],
)
def test_without_tls_it_begins_in_one_of_its_ways(value: object, word: str):
    assert cleartext(value) == word


@pytest.mark.parametrize("value", ["on", "", "h2c", 1, 0, ["off"], b"off"])
def test_another_way_is_refused(value: object):
    with pytest.raises(ValueError, match="be one of off, prior-knowledge, upgrade, both, True or False, not "):
        cleartext(value)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("http2_max_concurrent_streams", 1, LARGEST),
        ("http2_initial_window_size", 1, LARGEST),
        ("http2_max_frame_size", 16384, 16777215),
        ("http2_max_header_list_size", 0, LARGEST),
    ],
)
def test_numbers_have_bounds(name: str, least: int, most: int):
    parse = table()[name].kind.parse
    assert (parse(least), parse(str(most))) == (least, most)
    for beyond in (least - 1, most + 1, "many", 1.5, None):
        with pytest.raises(ValueError, match=r"^be "):
            parse(beyond)


def test_a_size_may_have_a_unit():
    assert table()["http2_initial_window_size"].kind.parse("1M") == 2**20


def test_hooks_see_what_gunicorn_shows_them():
    assert Config(Settings()).http_protocols == ["h1"]
    assert Config(Settings({"http_protocols": ("h2", "h1")})).http_protocols == ["h2", "h1"]
    assert Config(Settings()).http2_cleartext == "off"


def test_it_is_shown_as_a_file_would_write_it():
    assert assignment(table()["http_protocols"], ("h2", "h1")) == "http_protocols = 'h2,h1'"


TOGETHER = {
    "--http-protocols=h1": (),
    "--http-protocols=h2,h1 --certfile=a.pem --http2-max-frame-size=20000": (),
    "--http-protocols=h2 --http2-cleartext=both": (),
    "--http-protocols=h2": (
        "http_protocols has no effect: HTTP/2 is agreed on in TLS, which needs certfile, and http2_cleartext is off",
    ),
    "--http-protocols=h2 --certfile=a.pem --http2-cleartext=upgrade": (
        "http2_cleartext has no effect: with certfile every connection is one of TLS",
    ),
    "--http-protocols=h2 --http2-cleartext=both -k tornado": (
        "http_protocols has no effect: worker_class tornado brings its own HTTP",
    ),
    "--http-protocols=h2 --http2-cleartext=both --protocol=uwsgi": (
        "http_protocols has no effect: no address of bind speaks HTTP",
    ),
    "--http2-cleartext=both --http2-initial-window-size=1M --http2-max-frame-size=16384": (
        "http2_cleartext has no effect: http_protocols does not name h2",
        "http2_initial_window_size has no effect: http_protocols does not name h2",
    ),
}


@pytest.mark.parametrize("line", TOGETHER)
def test_whoever_asks_for_http2_hears_where_nobody_gets_it(tmp_path: Path, line: str):
    assert resolve(line.split(), {}, str(tmp_path)).notices == tuple(
        f"command line: {words}" for words in TOGETHER[line]
    )
