"""What each kind of setting takes, refuses and how it says so."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from longma.config import cpus, parsers
from longma.config.sections.logging import error_log_name, level
from longma.config.sections.mechanics import sendfile_switch
from longma.config.sections.proxies import scheme_headers
from longma.config.sections.security import field_count, field_size
from longma.config.sections.workers import brings_its_own_http, device_names, worker_class_name, worker_count
from tests.apps.own_worker import Blunt

CLASSES = "be 'sync', 'gthread', 'gevent', 'eventlet', 'tornado' or PACKAGE.MODULE.CLASS"


@pytest.mark.parametrize(
    ("parse", "given", "expected"),
    [
        (parsers.whole_number, 0, 0),
        (parsers.whole_number, "0x10", 16),
        (parsers.whole_number, " 7 ", 7),
        (parsers.whole_number, True, 1),
        (parsers.size, 2**40, 2**40),
        (parsers.size, "512M", 512 << 20),
        (parsers.size, " 2g ", 2 << 30),
        (parsers.size, "1.5K", 1536),
        (parsers.size, "1KiB", 1024),
        (parsers.size, "1TB", 1 << 40),
        (parsers.size, "0x10", 16),
        (parsers.duration, 30, 30.0),
        (parsers.duration, 0.5, 0.5),
        (parsers.duration, "0.5", 0.5),
        (parsers.duration, "0x10", 16.0),
        (parsers.boolean, True, True),
        (parsers.boolean, "False", False),
        (parsers.boolean, " TRUE ", True),
        (parsers.boolean, None, False),
        (parsers.any_text, None, ""),
        (parsers.words, None, ()),
        (parsers.existing_files, None, ()),
        (error_log_name, None, "-"),
        (error_log_name, "", "-"),
        (error_log_name, " log/error ", "log/error"),
        (level, "WARN", "warning"),
        (level, "fatal", "critical"),
        (level, " Debug", "debug"),
        (parsers.optional_text, None, None),
        (parsers.optional_text, " a ", "a"),
        (parsers.addresses, ["a:1 ", "unix:/a"], ("a:1", "unix:/a")),
        (parsers.texts, "a,b", ("a,b",)),
        (parsers.texts, ["a ", "b"], ("a", "b")),
        (parsers.texts, (), ()),
        (parsers.words, " a, b ,,", ("a", "b")),
        (parsers.words, ["a", " b"], ("a", "b")),
        (parsers.upper_words, "script_name,*", ("SCRIPT_NAME", "*")),
        (parsers.assignments, ["A=1", " B= "], ("A=1", "B=")),
        (parsers.assignments, "A=1,B=2", ("A=1,B=2",)),
        (parsers.assignments, None, ()),
        (parsers.mapping, None, {}),
        (parsers.mapping, {"a": 1}, {"a": 1}),
        (parsers.optional_text, " ", None),
        (parsers.existing_file, __file__, __file__),
        (parsers.existing_file, None, None),
        (parsers.existing_files, [__file__, "/nowhere/*.html"], (__file__, "/nowhere/*.html")),
        (scheme_headers, {"x-forwarded-proto": "https"}, {"X-FORWARDED-PROTO": "https"}),
        (worker_count, 3, 3),
        (worker_count, "3", 3),
        (device_names, "0, 1", ("0", "1")),
        (device_names, [0, "1"], ("0", "1")),
        (device_names, 3, ("3",)),
        (device_names, "auto", ("auto",)),
        (device_names, "", ()),
        (parsers.mode, 0o22, 0o22),
        (parsers.mode, "022", 0o22),
        (parsers.mode, "0o22", 0o22),
        (parsers.mode, "18", 18),
        (parsers.mode, "0", 0),
        (sendfile_switch, None, True),
        (sendfile_switch, "false", False),
        (field_count, 0, 32768),
        (field_count, 40000, 32768),
        (field_count, 20, 20),
        (field_size, 0, 8190),
        (field_size, 100, 100),
        (worker_class_name, "sync", "sync"),
        (worker_class_name, "gunicorn.workers.sync.SyncWorker", "sync"),
        (worker_class_name, " tornado ", "tornado"),
        (worker_class_name, "gunicorn.workers.gtornado.TornadoWorker", "tornado"),
        (worker_class_name, "aiohttp.GunicornWebWorker", "aiohttp.GunicornWebWorker"),
        (worker_class_name, "egg:meinheld#gunicorn_worker", "egg:meinheld#gunicorn_worker"),
    ],
)
def test_a_good_value_is_read(parse: Callable[[object], object], given: object, expected: object):
    value = parse(given)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("parse", "given", "words"),
    [
        (parsers.whole_number, -1, "be a whole number, 0 or more, not -1"),
        (parsers.whole_number, 1.0, "be a whole number, 0 or more, not 1.0"),
        (parsers.whole_number, "ten", "be a whole number, 0 or more, not 'ten'"),
        (parsers.whole_number, None, "be a whole number, 0 or more, not None"),
        (parsers.whole_number, 2**31, "be at most 2147483647, not 2147483648"),
        (parsers.size, "1.5X", "be a whole number, 0 or more, not '1.5X'"),
        (parsers.size, "xM", "be a number of bytes such as 1048576 or '1M', not 'xM'"),
        (parsers.size, "M", "be a number of bytes such as 1048576 or '1M', not 'M'"),
        (parsers.size, "1e400K", "be a number of bytes such as 1048576 or '1M', not '1e400K'"),
        (parsers.size, "-1K", "be a whole number, 0 or more, not -1024"),
        (parsers.size, "", "be a whole number, 0 or more, not ''"),
        (parsers.assignments, ["A"], "be of the form NAME=VALUE, not 'A'"),
        (parsers.assignments, ["=A"], "be of the form NAME=VALUE, not '=A'"),
        (parsers.assignments, ["A=\0"], "hold no NUL, as 'A=\\x00' does"),
        (parsers.text, "a\0b", "hold no NUL, as 'a\\x00b' does"),
        (parsers.texts, ["a", "\0"], "hold no NUL, as '\\x00' does"),
        (parsers.mapping, [], "be a dictionary, not []"),
        (parsers.mapping, {1: 2}, "have strings as keys, not 1"),
        (parsers.existing_file, "/nowhere", "be an existing file, not '/nowhere'"),
        (parsers.existing_files, ["/nowhere"], "name existing files, not '/nowhere'"),
        (scheme_headers, {"A": 1}, "hold strings only, not 1"),
        (worker_count, "many", "be a whole number, 0 or more, or 'auto', not 'many'"),
        (worker_count, "", "be a whole number, 0 or more, or 'auto', not ''"),
        (worker_count, -1, "be a whole number, 0 or more, or 'auto', not -1"),
        (device_names, "0,0", "name each device once, not '0,0'"),
        (device_names, "auto,1", "be 'auto' alone or the devices' names, not 'auto,1'"),
        (device_names, True, "be a list of strings, not True"),
        (parsers.duration, -0.1, "be a number of seconds, 0 or more, not -0.1"),
        (parsers.duration, float("nan"), "be a number of seconds, 0 or more, not nan"),
        (parsers.duration, "inf", "be a number of seconds, 0 or more, not inf"),
        (parsers.duration, "soon", "be a number of seconds, 0 or more, not 'soon'"),
        (parsers.duration, [], "be a number of seconds, 0 or more, not []"),
        (parsers.boolean, 1, "be True or False, not 1"),
        (parsers.boolean, "yes", "be True or False, not 'yes'"),
        (parsers.text, 5, "be a string, not 5"),
        (level, "trace", "be one of debug, info, warning, error, critical, not 'trace'"),
        (level, None, "be one of debug, info, warning, error, critical, not None"),
        (parsers.texts, 5, "be a list of strings, not 5"),
        (parsers.texts, ["a", 5], "hold strings only, not 5"),
        (parsers.addresses, [], "name at least one address"),
        (
            parsers.addresses,
            ["a\nb"],
            r"hold addresses: a\nb: 'a\nb' is no host; write HOST:PORT, and give --bind once for each address",
        ),
        (parsers.text, "/tmp/\ud800", r"hold whole characters, unlike '/tmp/\ud800'"),
        (parsers.upper_words, "A,\udcff", r"hold whole characters, unlike '\udcff'"),
        (parsers.addresses, "", "name at least one address"),
        (parsers.duration, 10**12, "be at most 2147483647 seconds, not 1000000000000"),
        (worker_count, 10**12, "be at most 2147483647, not 1000000000000"),
        (parsers.mode, "09", "be a mode from 0 to 0777, not '09'"),
        (parsers.mode, 0o1000, "be a mode from 0 to 0777, not 512"),
        (parsers.mode, -1, "be a mode from 0 to 0777, not -1"),
        (parsers.directory, "/nowhere/at/all", "be an existing directory, not '/nowhere/at/all'"),
        (parsers.one_of("a", "b").parse, "c", "be one of a, b, not 'c'"),
        (parsers.one_of("a", "b").parse, None, "be one of a, b, not None"),
        (
            worker_class_name,
            "asgi",
            f"{CLASSES}: 'asgi' is not supported yet",
        ),
        (
            worker_class_name,
            "my..Worker",
            f"{CLASSES}: 'my..Worker' is not known",
        ),
        (worker_class_name, 5, "be a class, its path or a name, not 5"),
        (worker_class_name, lambda: 5, "be a class, its path or a name, not 5"),
        (
            worker_class_name,
            "gthraed",
            f"{CLASSES}: 'gthraed' is not known (did you mean 'gthread'?)",
        ),
        (
            worker_class_name,
            "fibers",
            f"{CLASSES}: 'fibers' is not known",
        ),
    ],
)
def test_a_bad_value_ends_the_sentence_that_its_name_begins(
    parse: Callable[[object], object], given: object, words: str
):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        parse(given)


def test_a_worker_class_may_be_given_itself():
    assert worker_class_name(Blunt) == "tests.apps.own_worker.Blunt"
    assert worker_class_name(lambda: Blunt) == "tests.apps.own_worker.Blunt"

    class Passing(Blunt):
        pass

    with pytest.raises(ValueError, match=r"be a class or what returns one, not .*: TypeError"):
        worker_class_name(lambda missing: Blunt)

    with pytest.raises(ValueError, match="Passing is defined in the file itself"):
        worker_class_name(Passing)


@pytest.mark.parametrize(("name", "brings"), [("sync", False), ("tornado", True), ("my.Worker", True)])
def test_what_the_engine_does_not_serve_brings_its_own_http(name: str, brings: bool):
    assert brings_its_own_http(name) is brings


def test_auto_is_a_worker_for_each_processor(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cpus, "available", lambda: 6)
    assert worker_count(" Auto ") == 6


def test_one_of_takes_any_case():
    assert parsers.one_of("drop", "refuse").parse(" Drop ") == "drop"


def test_a_long_value_is_cut_in_messages():
    words = parsers.shown("x" * 1000)
    assert len(words) == 60
    assert words.endswith("...")


@pytest.mark.parametrize(("seconds", "words"), [(30.0, "30"), (0.5, "0.5"), (0.0, "0")])
def test_seconds_are_shown_without_a_needless_fraction(seconds: float, words: str):
    assert parsers.show_seconds(seconds) == words


@pytest.mark.parametrize(("mode", "words"), [(0, "0"), (0o22, "0o22")])
def test_a_mode_is_shown_in_octal(mode: int, words: str):
    assert parsers.show_mode(mode) == words
