"""What a client sends never reaches a log as it came: every byte of it that could do harm, in every sink there is."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deadlines import until
from tests.support.listening import Daemon
from tests.support.server import Server

Serve = Callable[..., Server]
SITE = "tests.apps.logging_site"
FORGED = "[2026-11-23 09:57:13 +0000] [1] [INFO] forged"
# Line ends and escape sequences, as C0 and C1 controls, as bytes of UTF-8, and what would end a quoted field.
HARMFUL = f'\n{FORGED}\r\n{FORGED}\x1b[2J\x9b2J\x00\x07\x7f\x85\t"\\'
FORMAT = " ".join(
    f'"%({atom})s"' for atom in ("u", "r", "m", "U", "q", "f", "a", "{x-odd}i", "{http_x_odd}e", "{query_string}e")
)
LAST = "/the-last"
# Gunicorn's own code leaves files to the collector.
QUIET = {"PYTHONWARNINGS": "ignore"}
SINKS = ("files", "json", "udp", "stream", "own", "gunicorns", "logconfig")


def percent(text: str) -> str:
    """The text as bytes of a target, percent-encoded."""
    return "".join(f"%{byte:02x}" for byte in text.encode("latin-1"))


def attack(server: Server) -> None:
    """Send harmful bytes wherever a request that is answered may have them."""
    user = base64.b64encode(f"u{HARMFUL}:password".encode("latin-1")).decode()
    odd = b"\xff\x9b2J\x85\xe2\x80\xae\t\"\\'"
    target = percent(HARMFUL).encode()
    with server.client() as client:
        client.send(b"GET /%b?say=%b HTTP/1.1\r\nHost: a\r\nX-Odd: %b\r\n" % (target, target, odd))
        client.send(b"Authorization: Basic %b\r\nUser-Agent: %b\r\n\r\n" % (user.encode(), odd))
        assert client.read_response().status == 200
        client.send(b"GET /raise?%b HTTP/1.1\r\nHost: a\r\nReferer: %b\r\n\r\n" % (target, odd))
        assert client.read_response().status == 500
    # What frameworks say of a failure goes this way, and holds the path.
    with server.client() as client:
        client.send(b"GET /errors?say=%b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
        assert client.read_response().status == 200


REFUSED = (
    f"GE{HARMFUL}T / HTTP/1.1\r\nHost: a\r\n\r\n",
    f"G\x1bT /{HARMFUL} HTTP/1.1\r\nHost: a\r\n\r\n",
    f"GET /\x1b[2J\x9b HTTP/1.1{HARMFUL}\r\nHost: a\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: a\r\nX-\x1b: {HARMFUL}\r\n\r\n",
)


def strike(server: Server) -> None:
    """Do all of it, and end with a request whose trace shows that all was written."""
    attack(server)
    for head in REFUSED:
        with server.client() as client:
            client.send_or_stop(head.encode("latin-1"))
            client.ended()
    assert server.get(f"/error-logger?say={LAST}").status == 200


class Sinks:
    """The options of one kind of sink, and all that has come to it."""

    def __init__(self, kind: str, folder: Path, daemon: Daemon | None) -> None:
        self.kind = kind
        self.files = [folder / "error.log", folder / "access.log"]
        self._daemon = daemon
        self._came = b""
        self.options = ["--error-logfile", str(self.files[0]), "--access-logfile", str(self.files[1])]
        self.options += ["--access-logformat", FORMAT]
        if kind == "json":
            self.options += ["--log-format", "json"]
        elif kind == "own":
            self.options += ["--logger-class", "tests.unit.logs.loggers.Ours"]
        elif kind == "gunicorns":
            self.options += ["--logger-class", "tests.apps.gunicorn_loggers.Custom"]
        elif kind == "logconfig":
            self.options += ["-c", str(self._configuration(folder))]
        elif daemon is not None:
            scheme = "udp" if kind == "udp" else "tcp"
            self.options += ["--log-syslog", "--log-syslog-to", f"{scheme}://127.0.0.1:{daemon.port}"]

    def _configuration(self, folder: Path) -> Path:
        handlers = {
            name: {"class": "logging.FileHandler", "filename": str(path), "formatter": "generic"}
            for name, path in zip(("error", "access"), self.files, strict=True)
        }
        loggers = {f"gunicorn.{name}": {"level": "INFO", "handlers": [name], "propagate": False} for name in handlers}
        path = folder / "longma.conf.py"
        path.write_text(f"logconfig_dict = { ({'handlers': handlers, 'loggers': loggers, 'root': {}})!r}\n")
        return path

    def listen(self) -> None:
        """Take in what has come by the network."""
        if self.kind == "udp" and self._daemon is not None:
            for datagram in self._daemon.waiting():
                assert b"\n" not in datagram
                self._came += datagram + b"\n"
        elif self.kind == "stream" and self._daemon is not None:
            self._came += self._daemon.received()

    def lines(self) -> list[str]:
        """Every line that was written anywhere."""
        self.listen()
        written = b"".join(path.read_bytes() for path in self.files if path.exists())
        return (written + self._came).decode("latin-1").split("\n")


@pytest.mark.parametrize("kind", SINKS)
def test_nothing_from_a_client_reaches_a_log_unescaped(serve: Serve, tmp_path: Path, kind: str):
    with Daemon("tcp" if kind == "stream" else "udp") as daemon:
        sinks = Sinks(kind, tmp_path, daemon)
        server = serve(SITE, *sinks.options, ready=None, env=QUIET if kind == "gunicorns" else {})
        strike(server)
        until(lambda: any(LAST in line for line in sinks.lines()), "the last request in the log")
        server.stop()
        lines = sinks.lines()
    assert any("/raise" in line for line in lines)
    for line in lines:
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", line), ascii(line)
        assert not line.startswith(FORGED), line
        assert not re.match(r"<\d+>forged", line), line
    if kind == "json":
        members = [json.loads(line) for line in lines if line.startswith("{")]
        assert any(FORGED in member.get("exception", "") for member in members)
    if kind in ("own", "gunicorns"):
        access = (tmp_path / "access.log").read_text().splitlines()
        # Three that were answered, those that were refused, and the last: a line each, ten fields in each.
        assert len(access) == 3 + len(REFUSED) + 1
        assert all(len(re.findall(r'"(?:[^"\\]|\\.)*"', line)) == 10 for line in access), access


def test_a_refusal_shows_no_more_than_printable_ascii(serve: Serve):
    server = serve(SITE)
    server.expect("Invalid request")
    for head in REFUSED:
        with server.client() as client:
            client.send_or_stop(head.encode("latin-1"))
            client.ended()
    server.stop()
    assert all(line.isascii() and line.isprintable() for line in server.errors.so_far())


def test_the_name_of_the_server_forges_no_syslog_record(serve: Serve, short_directory: str):
    path = os.path.join(short_directory, "log")
    with Daemon(path, socket.SOCK_DGRAM) as daemon:
        where = ["--log-syslog", "--log-syslog-to", f"unix://{path}", "--log-syslog-prefix", "a\n<0>b"]
        server = serve(SITE, *where, "--name", "x\ny")
        server.get("/")
        server.stop()
        datagrams = daemon.waiting()
    assert datagrams
    assert all(b"\n" not in one for one in datagrams)
