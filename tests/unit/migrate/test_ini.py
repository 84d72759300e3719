"""uWSGI's ini files are read as uWSGI reads them."""

from __future__ import annotations

from longma.migrate.ini import Entry, read


def entries(source: str, section: str = "uwsgi") -> list[tuple[str, str]]:
    return [(entry.name, entry.value) for entry in read(source).sections.get(section, [])]


def test_keys_repeat_and_keep_their_order():
    assert entries("[uwsgi]\nb=1\na = 2\nb=\t3\n") == [("b", "1"), ("a", "2"), ("b", "3")]


def test_a_key_may_stand_alone():
    assert entries("[uwsgi]\nmaster\nvacuum =\n") == [("master", ""), ("vacuum", "")]


def test_comments_have_lines_of_their_own():
    assert entries("[uwsgi]\n; a=1\n  # b=2\nenv = A=x;y#z\n") == [("env", "A=x;y#z")]


def test_the_last_line_needs_no_end_and_carriage_returns_do_not_count():
    assert entries("[uwsgi]\r\na = 1 \r\nb=2") == [("a", "1"), ("b", "2")]


def test_a_section_that_comes_twice_goes_on():
    assert entries("[uwsgi]\na=1\n[x]\nb=2\n[uwsgi]\nc=3\n") == [("a", "1"), ("c", "3")]


def test_what_stands_before_any_section_belongs_to_none():
    assert entries("a=1\n[uwsgi]\nb=2\n") == [("b", "2")]
    assert read("a=1").sections == {"": [Entry("a", "1", 1)]}


def test_every_entry_knows_its_line():
    assert [entry.line for entry in read("\n[uwsgi]\n\na=1\n;\nb").sections["uwsgi"]] == [4, 6]
