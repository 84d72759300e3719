"""The corpus of tests/conformance/corpus as data; its README says what each key means."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import tomli

from tests.support.paths import ROOT

FOLDER = ROOT / "tests" / "conformance" / "corpus"


class Request(NamedTuple):
    """One request that is read whole, as an application is to see it."""

    method: str
    target: str
    version: str
    body: bytes
    close: bool
    fields: tuple[tuple[str, str], ...] | None
    path: str | None
    query: str | None
    authority: str | None
    expects_continue: bool

    @property
    def path_info(self) -> str | None:
        """The path as an application gets it: in absolute form an empty one is the root."""
        return "/" if self.path == "" and "://" in self.target else self.path

    @property
    def variables(self) -> dict[str, str] | None:
        """The fields as environ variables, repeats joined; None where the case leaves them open."""
        if self.fields is None:
            return None
        found: dict[str, str] = {}
        for name, value in self.fields:
            variable = name.upper().replace("-", "_")
            if variable not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                variable = f"HTTP_{variable}"
            joint = "; " if variable == "HTTP_COOKIE" else ","
            found[variable] = f"{found[variable]}{joint}{value}" if variable in found else value
        if self.authority and "://" in self.target:
            found["HTTP_HOST"] = self.authority  # RFC 9112 §3.2.2: the target's host, whatever Host says
        return found


class Case(NamedTuple):
    """One connection's first bytes, and what becomes of them."""

    name: str
    topic: str
    input: bytes
    settings: tuple[tuple[str, Any], ...]
    requests: tuple[Request, ...]
    refused: int | None
    partial: bool


def octets(value: Any) -> bytes:
    """The bytes a text, or a list of parts, of the corpus stands for."""
    if isinstance(value, str):
        return value.encode("latin-1")
    if isinstance(value, list):
        return b"".join(octets(part) for part in value)
    if "hex" in value:
        return bytes.fromhex(value["hex"])
    return octets(value["repeat"]) * int(value["times"])


def text(value: Any) -> str:
    """The same as a native string of PEP 3333."""
    return octets(value).decode("latin-1")


def request(given: dict[str, Any]) -> Request:
    """The expected request that a table of the corpus describes."""
    fields = given.get("fields")
    return Request(
        method=text(given["method"]),
        target=text(given["target"]),
        version=given.get("version", "1.1"),
        body=octets(given.get("body", "")),
        close=given.get("close", False),
        fields=None if fields is None else tuple((text(name), text(value)) for name, value in fields),
        path=None if "path" not in given else text(given["path"]),
        query=None if "query" not in given else text(given["query"]),
        authority=None if "authority" not in given else text(given["authority"]),
        expects_continue=given.get("expects_continue", False),
    )


def case(given: dict[str, Any], file: Path) -> Case:
    """The case that a table of the corpus describes."""
    expected = given["expect"]
    return Case(
        name=given["name"],
        topic=file.stem,
        input=octets(given["input"]),
        settings=tuple(sorted(given.get("settings", {}).items())),
        requests=tuple(request(one) for one in expected.get("requests", [])),
        refused=expected.get("refused"),
        partial=expected.get("partial", False),
    )


def cases() -> list[Case]:
    """Every case of the corpus, by file and then in the file's order."""
    files = sorted(FOLDER.glob("*.toml"))
    return [case(given, file) for file in files for given in tomli.loads(file.read_text())["case"]]
