"""Addresses of syslog and StatsD."""

from __future__ import annotations

import pytest

from longma.config.endpoints import statsd_address, syslog_address


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ("", None),
        ("stats", "stats:8125"),
        ("Stats:9", "stats:9"),
        ("[::1]", "[::1]:8125"),
        ("[::1]:9", "[::1]:9"),
        ("udp://stats:9", "stats:9"),
        ("unix:8125", "unix:8125"),
        ("unix:/run/statsd", "unix:///run/statsd"),
        ("unix:///run/statsd", "unix:///run/statsd"),
    ],
)
def test_a_statsd_address_has_one_form(given: object, expected: str | None):
    assert statsd_address(given) == expected
    assert statsd_address(expected) == expected


@pytest.mark.parametrize("given", ["a:b", "a:", ":9", "a:0", "a:70000", "[::1", "[::1]9", "::1", "unix:", "unix://", 5])
def test_a_bad_statsd_address_is_refused(given: object):
    with pytest.raises(ValueError, match=r"^be (HOST:PORT or unix://PATH|a string), not "):
        statsd_address(given)


@pytest.mark.parametrize(
    "given",
    [
        "udp://localhost:514",
        "udp://localhost",
        "tcp://[::1]:514",
        "unix:///dev/log",
        "unix:///dev/log#dgram",
        "unix:///dev/log#stream",
    ],
)
def test_a_syslog_address_stays_as_it_is(given: str):
    assert syslog_address(given) == given


@pytest.mark.parametrize(
    "given", ["localhost:514", "http://a", "udp://", "udp://a:b", "unix://", "unix://#dgram", "unix:///a#raw", ""]
)
def test_a_bad_syslog_address_is_refused(given: str):
    with pytest.raises(ValueError, match=r"^be udp://HOST:PORT, tcp://HOST:PORT or unix://PATH, "):
        syslog_address(given)
