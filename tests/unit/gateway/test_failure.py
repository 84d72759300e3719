"""What is said about an application that raised, and what is shown of one that does not load."""

from __future__ import annotations

from typing import Any

from longma.gateway.failure import describe, page


def test_the_line_names_method_and_path():
    assert describe("GET", "/a?b=c") == "Error handling request GET /a?b=c"


def test_a_client_cannot_forge_a_line():
    assert describe("GET", "/\n[2026] fake\x1b[2J") == r"Error handling request GET /\n [2026] fake\x1b[2J"


def test_the_page_of_a_failure_shows_it_and_nothing_of_it_is_markup():
    heads: list[Any] = []
    (body,) = page("SyntaxError: <script>'\"&\udc80")({}, lambda *head: heads.append(head) or bytes)  # type: ignore
    ((status, fields),) = heads
    assert status == "500 Internal Server Error"
    assert dict(fields)["Content-Length"] == str(len(body))
    assert dict(fields)["Content-Type"] == "text/html; charset=utf-8"
    assert b"SyntaxError: &lt;script&gt;'&quot;&amp;\\udc80" in body
    assert b"<script" not in body
