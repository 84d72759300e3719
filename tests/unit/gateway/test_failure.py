"""The first line of a record about an application that raised."""

from __future__ import annotations

from longma.gateway.failure import describe


def test_the_line_names_method_and_path():
    assert describe("GET", "/a?b=c") == "Error handling request GET /a?b=c"


def test_a_client_cannot_forge_a_line():
    assert describe("GET", "/\n[2026] fake\x1b[2J") == r"Error handling request GET /\n [2026] fake\x1b[2J"
