"""Formats of access lines: those that lines can be made by, and those that are told at the start."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from longma.config.resolve import resolve
from longma.errors import ConfigError


@pytest.fixture(autouse=True)
def import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


def taken(directory: Path, form: str, *more: str) -> str:
    """The format as the settings have it."""
    return resolve(["--access-logformat", form, *more], {}, str(directory)).settings.access_log_format


@pytest.mark.parametrize("form", ["%(h)s %(zz)s 100%%", "%(h)15s %(m)-7s %(D)08d %({a b}i)s", "", "no atoms"])
def test_formats_that_can_be_used(tmp_path: Path, form: str):
    assert taken(tmp_path, form) == form


@pytest.mark.parametrize(
    ("form", "at"),
    [
        ("%(h)s %", "'%'"),
        ("%(h)s %(r", "'%(r'"),
        ("%(h)s %(r) %(s)s", "'%(r) %(s)s'"),
        ("%h %l %u", "'%h %l %u'"),
        ("%(h).3s", "'%(h).3s'"),
        ("%(h)r", "'%(h)r'"),
        ("%(s)d", "'%(s)d'"),
    ],
)
def test_a_broken_format_is_told(tmp_path: Path, form: str, at: str):
    with pytest.raises(ConfigError) as caught:
        taken(tmp_path, form)
    (told,) = str(caught.value).splitlines()
    assert told.startswith("command line: access_log_format must ")
    assert at in told


@pytest.mark.parametrize("other", ["-k aiohttp.GunicornWebWorker", "--logger-class site.Logger"])
def test_a_format_is_the_business_of_whoever_makes_the_lines(tmp_path: Path, other: str):
    assert taken(tmp_path, "%a %t", *shlex.split(other)) == "%a %t"
