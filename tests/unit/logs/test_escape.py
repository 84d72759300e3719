"""Nothing in a message can move a cursor or pass for a record."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longma.logs.escape import CONTROL, escaped, field, one_line
from longma.logs.json_lines import json_text
from longma.logs.record import Record, bare, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a plain line, with ümläuts and 漢字", "a plain line, with ümläuts and 漢字"),
        ("tab\tstays", "tab\tstays"),
        ("two\nlines", "two\nlines"),
        ("carriage\rreturn", "carriage\\x0dreturn"),
        ("\x1b[2Jclears the screen", "\\x1b[2Jclears the screen"),
        ("nul\0bell\x07del\x7f", "nul\\x00bell\\x07del\\x7f"),
        ("\x9b31m is a C1 control", "\\x9b31m is a C1 control"),
        ("x\n[2026-01-01 00:00:00 +0000] [1] [INFO] forged", "x\n [2026-01-01 00:00:00 +0000] [1] [INFO] forged"),
        ("x\n\n[forged", "x\n\n [forged"),
        ("x\r\n[forged", "x\\x0d\n [forged"),
        ("[a bracket] in the first line", "[a bracket] in the first line"),
        ("line\u2028separator, \u202eturned round\u202c", "line\\u2028separator, \\u202eturned round\\u202c"),
    ],
)
def test_controls_are_shown_and_later_lines_cannot_begin_a_record(text: str, shown: str):
    assert escaped(text) == shown


def test_every_control_but_tab_and_line_feed_is_shown():
    controls = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
    assert [control for control in controls if escaped(control) == control] == ["\t", "\n"]


def test_a_syslog_record_is_one_line():
    assert one_line("first\nsecond\r\n<13>third\x00") == "first#012second\\x0d#012<13>third\\x00"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain /path?a=b", "plain /path?a=b"),
        ('say "hi"', 'say \\"hi\\"'),
        ("ends with \\", "ends with \\\\"),
        ("a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f"),
        ("\xff\x9b", "\\xff\\x9b"),
        ("\u6f22", "\\xe6\\xbc\\xa2"),
        ("\udc80", "\\xed\\xb2\\x80"),
    ],
)
def test_a_field_of_an_access_line_is_printable_ascii(text: str, shown: str):
    assert field(text) == shown


ANY_TEXT = st.text(st.one_of(st.characters(), st.sampled_from('\n\r\t[]"\\\x1b\x9b\x00\u2028\u202e\udc80<>')))


def record(message: str, exception: str = "") -> Record:
    return Record(40, "gunicorn.error", 7, message, 0.0, exception)


@given(ANY_TEXT, ANY_TEXT)
def test_whatever_is_said_makes_one_record(message: str, exception: str):
    line = plain(record(message, exception)).decode()
    assert line.endswith("\n")
    assert not CONTROL.search(line)
    assert len(re.findall(r"^\[", line, re.MULTILINE)) == 1


@given(ANY_TEXT)
def test_whatever_is_said_is_one_line_where_lines_are_records(message: str):
    for line in (one_line(message), bare(record(message)).decode().removesuffix("\n")):
        assert not CONTROL.search(line)
        assert "\n" not in line


@given(ANY_TEXT)
def test_whatever_a_field_holds_it_ends_at_its_quote(text: str):
    shown = field(text)
    assert shown.isascii()
    assert shown.isprintable() or not shown
    assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', f'"{shown}"')


@given(ANY_TEXT, ANY_TEXT)
def test_json_gives_back_what_was_said_on_one_line(message: str, exception: str):
    text = json_text(record(message, exception))
    assert text.isascii()
    assert text.isprintable()
    found = json.loads(text)
    assert (found["message"], found.get("exception", "")) == (message, exception)
