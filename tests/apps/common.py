"""What the applications share: the types of PEP 3333, query parameters, an iterator that reports its close()."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

from tests.apps.gate import report

Environ = dict[str, Any]
Start = Callable[..., Callable[[bytes], object]]

TEXT = ("Content-Type", "text/plain")
LINE = b"0123456789abcdef" * 4


def asked(environ: Environ, name: str, default: str = "") -> str:
    """The value of a query parameter; its bytes as latin-1, so that a test can ask for any."""
    query: str = environ["QUERY_STRING"]
    return parse_qs(query, encoding="latin-1", keep_blank_values=True).get(name, [default])[0]


class Block(Iterator[bytes]):
    """An iterator over given blocks that reports its close() to the gate."""

    def __init__(self, *blocks: bytes, label: str = "closed", fault: Exception | None = None) -> None:
        self.blocks = iter(blocks)
        self.label = label
        self.fault = fault

    def __next__(self) -> bytes:
        for block in self.blocks:
            return block
        if self.fault is not None:
            raise self.fault
        raise StopIteration

    def close(self) -> None:
        report(self.label)
