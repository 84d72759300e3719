"""Directories under paths of URLs: `/static=DIR`, several of them as a list or a dictionary."""

from __future__ import annotations

import os
from typing import Final

from longma.config.option import Kind
from longma.config.parsers import mapping, show_list, shown, texts

_WANTED: Final = "be of the form /PATH=DIRECTORY"


def mounts(value: object) -> tuple[tuple[str, str], ...]:
    """Return (path, directory) pairs, in the order given. Paths lose a slash at their end, but for `/` itself."""
    pairs = mapping(value).items() if isinstance(value, dict) else [_pair(item) for item in texts(value or ())]
    found: dict[str, str] = {}
    for given, directory in pairs:
        path = given.strip().rstrip("/") or "/"
        if not isinstance(directory, str) or not directory.strip():
            raise ValueError(f"{_WANTED}, not {shown(f'{given}={directory}')}")
        _check_path(path)
        if path in found:
            raise ValueError(f"name each path once, not {path!r} again")
        _check_directory(directory)
        found[path] = directory.strip()
    return tuple(found.items())


def directories(value: object) -> tuple[str, ...]:
    """Return directories that are there, without a slash at their end."""
    items = texts(() if value is None else value)
    for item in items:
        _check_directory(item)
    return tuple(item.rstrip("/") or "/" for item in items)


def _check_directory(path: str) -> None:
    if not os.path.isdir(path):
        raise ValueError(f"name existing directories, not {path!r}")
    # What the master may not enter its workers may not either: who they become has no more rights.
    if not os.access(path, os.X_OK):
        raise ValueError(f"name directories that may be entered, not {path!r}")


def _pair(item: str) -> tuple[str, str]:
    path, equals, directory = item.partition("=")
    if not equals or not path.strip():
        raise ValueError(f"{_WANTED}, not {shown(item)}")
    return path, directory


def _check_path(path: str) -> None:
    parts = path.split("/")[1:]
    is_odd = path != "/" and any(part in ("", ".", "..") for part in parts)
    if not path.startswith("/") or is_odd or not path.isascii() or not path.isprintable() or set(path) & set(" %?#"):
        raise ValueError(f"have paths such as /static, as the application would see them, not {shown(path)}")


def show_mounts(value: tuple[tuple[str, str], ...]) -> str:
    return repr(dict(value))


MOUNTS: Final = Kind("dictionary, or list of strings", parse=mounts, metavar="/PATH=DIRECTORY", show=show_mounts)
DIRECTORIES: Final = Kind("list of paths", parse=directories, metavar="DIRECTORY", show=show_list)
