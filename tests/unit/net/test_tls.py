"""What is agreed on in TLS: the versions of HTTP that the settings name, by their names of RFC 7301."""

from __future__ import annotations

import pytest

from longma.config.settings import Settings
from longma.net.tls import sources_of


@pytest.mark.parametrize(
    ("names", "protocols"),
    [
        (("h1",), (b"http/1.1",)),
        (("h2", "h1"), (b"h2", b"http/1.1")),
        (("h1", "h2"), (b"http/1.1", b"h2")),
        (("h2",), (b"h2", b"http/1.1")),
    ],
)
def test_versions_are_agreed_on_in_the_order_of_preference(names: tuple[str, ...], protocols: tuple[bytes, ...]):
    settings = Settings({"certfile": ("a.pem",), "http_protocols": names})
    assert sources_of(settings).protocols == protocols


@pytest.mark.parametrize("name", ["tornado", "uvicorn_worker.UvicornWorker"])
def test_a_class_that_brings_its_own_http_is_not_asked_for_another_version(name: str):
    settings = Settings({"certfile": ("a.pem",), "http_protocols": ("h2", "h1"), "worker_class": name})
    assert sources_of(settings).protocols == (b"http/1.1",)
