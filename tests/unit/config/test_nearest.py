"""The name somebody probably meant."""

from __future__ import annotations

import pytest

from longma.config.nearest import distance, nearest

KNOWN = ("workers", "worker_class", "timeout", "bind", "umask", "limit_request_fields", "user")


@pytest.mark.parametrize(
    ("first", "second", "slips"),
    [("", "", 0), ("a", "", 1), ("bind", "bind", 0), ("bnid", "bind", 1), ("kitten", "sitting", 3), ("ca", "abc", 3)],
)
def test_slips_are_counted(first: str, second: str, slips: int):
    assert distance(first, second) == slips
    assert distance(second, first) == slips


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("wrokers", "workers"),
        ("worker", "workers"),
        ("timout", "timeout"),
        ("WORKERS", "workers"),
        ("worker-class", "worker_class"),
        ("--workers", "workers"),
        ("limit_requests_field", "limit_request_fields"),
        ("bnd", "bind"),
    ],
)
def test_a_slip_finds_the_name(written: str, meant: str):
    assert nearest(written, KNOWN) == meant


@pytest.mark.parametrize("written", ["name", "cores", "debug", "port", "", "bi"])
def test_a_name_of_its_own_finds_none(written: str):
    assert nearest(written, KNOWN) == ""
