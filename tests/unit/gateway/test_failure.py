"""What is shown of an application that does not load."""

from __future__ import annotations

from typing import Any

from longma.gateway.failure import page


def test_the_page_of_a_failure_shows_it_and_nothing_of_it_is_markup():
    heads: list[Any] = []
    (body,) = page("SyntaxError: <script>'\"&\udc80")({}, lambda *head: heads.append(head) or bytes)  # type: ignore
    ((status, fields),) = heads
    assert status == "500 Internal Server Error"
    assert dict(fields)["Content-Length"] == str(len(body))
    assert dict(fields)["Content-Type"] == "text/html; charset=utf-8"
    assert b"SyntaxError: &lt;script&gt;'&quot;&amp;\\udc80" in body
    assert b"<script" not in body
