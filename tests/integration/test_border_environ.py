"""Environs: native strings whatever the bytes are, and nothing that a client could pass for what the server says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.gate import Gate
from tests.support.http import Client
from tests.support.server import Server

MODELS = ("sync", "gthread", "gevent", "eventlet")

Serve = Callable[..., Server]
APP = "tests.apps.seen:environ"


def seen(client: Client, target: str, *fields: str, body: bytes = b"") -> dict[str, Any]:
    """The environ of a request."""
    environ: dict[str, Any] = json.loads(client.ask("POST", target, *fields, body=body).body)["environ"]
    return environ


def test_a_script_name_is_the_bytes_of_the_path(serve: Serve):
    name = "/m\u00f6nted/\u65e5"
    server = serve(APP, env={"SCRIPT_NAME": name})
    with server.client() as client:
        for _ in range(3):
            environ = seen(client, "/m%C3%B6nted/%E6%97%A5/h%C3%A9re")
            assert environ["SCRIPT_NAME"] == name.encode().decode("latin-1")
            assert environ["PATH_INFO"] == "/h\u00e9re".encode().decode("latin-1")


@pytest.mark.parametrize("fields", [("Content_Length: 999", "Content_Type: text/html"), ("CONTENT_LENGTH: 999",)])
def test_no_other_name_passes_for_the_fields_of_the_body(serve: Serve, fields: tuple[str, ...]):
    server = serve(APP, "--header-map", "dangerous")
    with server.client() as client:
        for _ in range(3):
            environ = seen(client, "/", "Content-Type: text/plain", *fields, body=b"body")
            assert (environ["CONTENT_LENGTH"], environ["CONTENT_TYPE"]) == ("4", "text/plain")
            assert environ["HTTP_CONTENT_LENGTH"] == "999"
            environ = seen(client, "/", *fields)
            assert "CONTENT_LENGTH" not in environ
            assert "CONTENT_TYPE" not in environ


@pytest.mark.parametrize("options", [(), ("--access-logfile", "-", "--access-logformat", "%({tests.grave}e)s")])
def test_what_an_application_leaves_in_its_environ_goes_without_holding_the_others_up(
    serve: Serve, gate: Gate, options: tuple[str, ...]
):
    server = serve("tests.apps.border", *options)
    server.expect("Invalid request")
    with server.client() as client, server.client() as other:
        for _ in range(2):
            client.request("GET", "/buried")
            visitor = gate.wait("going")
            if not other.is_closed:
                other.send(b"nonsense\r\n\r\n")
                assert other.read_response().status == 400
                other.close()
            visitor.release()
            assert client.read_response().body == b"buried"
