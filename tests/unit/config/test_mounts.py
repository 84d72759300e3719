"""Directories under paths of URLs: each form that they may be given in, and from where they are meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from longma.config.mounts import directories, mounts, show_mounts
from longma.config.resolve import resolve
from longma.config.settings import Settings


def settings(directory: Path, *arguments: str) -> Settings:
    return resolve([*arguments, "app"], {}, str(directory)).settings


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in ("one", "two", "below/one"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def test_pairs_are_read_in_each_form(site: Path):
    one, two = str(site / "one"), str(site / "two")
    expected = (("/a", one), ("/", two))
    assert mounts([f"/a={one}", f"/={two}"]) == expected
    assert mounts({"/a/": one, "/": two}) == expected
    assert mounts(f"/a={one}") == expected[:1]
    assert mounts(None) == mounts(()) == mounts({}) == ()
    assert show_mounts(expected) == repr({"/a": one, "/": two})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["/a"], "of the form /PATH=DIRECTORY"),
        (["/a="], "of the form /PATH=DIRECTORY"),
        ({"/a": 1}, "of the form /PATH=DIRECTORY"),
        (["a=/"], "have paths such as /static"),
        (["/a//b=/"], "have paths such as /static"),
        (["/a/../b=/"], "have paths such as /static"),
        (["/a%20b=/"], "have paths such as /static"),
        (["/a?b=/"], "have paths such as /static"),
        (["/ä=/"], "have paths such as /static"),
        (["/a=/", "/a/=/"], "name each path once"),
        (["/a=/no/where"], "name existing directories"),
        ([1], "hold strings only"),
        (1, "be a list of strings"),
    ],
)
def test_what_is_none_is_refused(value: object, words: str):
    with pytest.raises(ValueError, match=words):
        mounts(value)


def test_directories_are_meant_from_where_the_application_is(site: Path):
    config = site / "longma.conf.py"
    config.write_text('chdir = "below"\nstatic = {"/a": "one"}\naccel_redirect = ["/p=one"]\nsendfile_root = "one/"\n')
    found = settings(site)
    below = os.path.join(site, "below", "one")
    assert (found.static, found.accel_redirect, found.sendfile_root) == ((("/a", below),), (("/p", below),), (below,))
    assert settings(site, "--chdir=.", "--static=/b=two").static == (("/b", str(site / "two")),)
    assert settings(site, f"--static=/c={site}/one").static == (("/c", str(site / "one")),)


def test_roots_are_directories(site: Path):
    assert directories([f"{site}/one/", "/"]) == (f"{site}/one", "/")
    with pytest.raises(ValueError, match="name existing directories"):
        directories(["/no/where"])
