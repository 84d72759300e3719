"""The libraries that worker classes need: whether they are there, and not too old, without importing them."""

from __future__ import annotations

import os
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Extra(NamedTuple):
    """What a worker class needs, which is an extra of its name.

    Attributes:
        library: How it is called.
        lowest: The oldest version that will do.
    """

    library: str
    lowest: tuple[int, ...]


EXTRAS: Final = MappingProxyType(
    {
        "gevent": Extra("gevent", (24,)),
        "eventlet": Extra("eventlet", (0, 40)),
        "tornado": Extra("Tornado", (6, 4)),
    }
)


def lacking(name: str) -> str | None:
    """Return what keeps the worker class of this name from being served with, and the cure; None where nothing does.

    A library of no known version, as in a checkout, is taken for new enough.
    """
    from importlib.util import find_spec

    library, lowest = EXTRAS[name]
    cure = f'pip install "longma[{name}]"'
    spec = find_spec(name)
    if spec is None:
        return f"needs {library}, which is not installed: {cure}"
    found = version(name, {os.path.dirname(place) for place in spec.submodule_search_locations or ()})
    if found is None or numbers(found) >= lowest:
        return None
    return f"needs {library} {'.'.join(map(str, lowest))} or newer, and {found} is installed: {cure}"


def version(package: str, directories: Iterable[str]) -> str | None:
    """Return the version that installers say is in these directories, the highest if there are several.

    It is read off the names that their records have there ("Recording installed projects", "The .dist-info
    directory"), older kinds included: `importlib.metadata` costs a worker more memory than that is worth.
    """
    pattern = re.compile(rf"{package}-(\d[^-]*)(?:-.*)?\.(?:dist|egg)-info", re.IGNORECASE)
    names = [name for directory in directories if os.path.isdir(directory) for name in os.listdir(directory)]
    return max((found[1] for name in names if (found := pattern.fullmatch(name))), key=numbers, default=None)


def numbers(text: str) -> tuple[int, ...]:
    """Return the release that a version belongs to: 24.2.1.dev3 is (24, 2, 1)."""
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
