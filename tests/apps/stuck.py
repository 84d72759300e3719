"""Requests that take too long: in Python, in a system call, and in C with the interpreter's lock held."""

from __future__ import annotations

import collections
import itertools
import threading
from collections.abc import Iterable

from tests.apps.common import TEXT, Environ, Start
from tests.apps.gate import report

HOUR = 3600


def application(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Get stuck in the way the path names; any other path is answered."""
    way = environ["PATH_INFO"].strip("/")
    if way == "begun":
        write = start_response("200 OK", [TEXT])
        write(b"begun")
        wait_in_python()
    elif way == "python":
        wait_in_python()
    elif way == "loop":
        spin()
    elif way == "c":
        hold_the_interpreter()
    elif way == "stubborn":
        refuse_to_end()
    start_response("200 OK", [TEXT])
    return [b"well"]


def wait_in_python() -> None:
    threading.Event().wait(HOUR)


def spin() -> None:
    while True:
        pass


def hold_the_interpreter() -> None:
    """Stay in C, as an extension would that never lets go of the interpreter's lock."""
    collections.deque(itertools.repeat(None), maxlen=0)


def refuse_to_end() -> None:
    """Go on whatever is raised, as a careless `except:` does."""
    while True:
        try:
            spin()
        except BaseException:
            report("caught")
