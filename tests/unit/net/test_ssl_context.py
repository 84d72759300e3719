"""What the hook `ssl_context` can do to the server's TLS, and what it is refused."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import pytest

from longma.config.ciphers import SUITES
from longma.config.settings import Settings
from longma.errors import OperatorError
from longma.net.ssl_context import RecordingContext, asked
from longma.net.tls import Pair, Sources, sources_of

BEFORE = sources_of(Settings({"certfile": ("a.pem",), "keyfile": ("a.key",)}))


def done(what: Callable[[Any], object]) -> Sources:
    context = RecordingContext(BEFORE)
    what(context)
    return context.sources


def refusal(what: Callable[[Any], object]) -> str:
    with pytest.raises(OperatorError) as caught:
        done(what)
    return str(caught.value)


def test_what_is_left_alone_stays():
    assert done(lambda context: None) == BEFORE


@pytest.mark.parametrize(
    ("name", "value", "changed"),
    [
        ("minimum_version", ssl.TLSVersion.TLSv1_3, {"versions": (13, 13)}),
        ("minimum_version", ssl.TLSVersion.MINIMUM_SUPPORTED, {}),
        ("maximum_version", ssl.TLSVersion.TLSv1_2, {"versions": (12, 12)}),
        ("maximum_version", ssl.TLSVersion.MAXIMUM_SUPPORTED, {}),
        ("verify_mode", ssl.CERT_REQUIRED, {"client_auth": 2}),
        ("options", ssl.OP_ALL | ssl.OP_NO_SSLv3 | ssl.OP_NO_COMPRESSION, {}),
        ("options", ssl.OP_NO_SSLv2 | ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1, {}),
        ("options", ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_SINGLE_ECDH_USE | ssl.OP_NO_RENEGOTIATION, {}),
        ("options", ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).options, {}),
        ("options", ssl.OP_NO_TLSv1_2, {"versions": (13, 13)}),
        ("options", ssl.OP_NO_TLSv1_3 | ssl.OP_NO_TICKET, {"versions": (12, 12), "resumes": False}),
        ("check_hostname", False, {}),
    ],
)
def test_attributes_become_settings(name: str, value: object, changed: dict[str, object]):
    assert done(lambda context: setattr(context, name, value)) == BEFORE._replace(**changed)


def test_options_can_be_added_and_taken_away():
    def what(context: Any) -> None:
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_TLSv1_2
        context.options &= ~ssl.OP_NO_TICKET

    assert done(what) == BEFORE._replace(versions=(13, 13))


def test_a_chain_that_is_loaded_comes_before_those_of_the_settings():
    assert done(lambda context: context.load_cert_chain("b.pem", "b.key", lambda: "secret")).pairs == (
        Pair("b.pem", "b.key", b"secret"),
        *BEFORE.pairs,
    )
    assert done(lambda context: context.load_cert_chain("a.pem", "a.key", "secret")).pairs == (
        Pair("a.pem", "a.key", b"secret"),
    )


def test_authorities_are_a_file_or_a_text():
    assert done(lambda context: context.load_verify_locations("ca.pem")).authorities == "ca.pem"
    assert done(lambda context: context.load_verify_locations(cadata="text")).authorities == ("cadata", b"text")


def test_suites_and_protocols_are_those_of_the_settings():
    assert done(lambda context: context.set_ciphers("HIGH:!aNULL")).suites == SUITES
    assert done(lambda context: context.set_alpn_protocols(["http/1.1"])) == BEFORE
    assert done(lambda context: context.set_ecdh_curve("prime256v1")).curve == "prime256v1"
    assert refusal(lambda context: context.set_ciphers("RC4")).startswith("ssl_context: set_ciphers must name cipher")


def test_protocols_are_those_that_http_protocols_names():
    both = BEFORE._replace(protocols=(b"h2", b"http/1.1"))
    for asked_for, agreed in (
        (["http/1.1"], (b"http/1.1",)),
        (["http/1.1", "h2"], (b"http/1.1", b"h2")),
        (["h2"], (b"h2", b"http/1.1")),
        ([], ()),
    ):
        context = RecordingContext(both)
        context.set_alpn_protocols(["http/1.1"])
        context.set_alpn_protocols(asked_for)
        assert context.sources.protocols == agreed


@pytest.mark.parametrize(
    ("what", "name"),
    [
        (lambda context: setattr(context, "sni_callback", print), "sni_callback is not supported: give several certi"),
        (lambda context: context.set_servername_callback(print), "set_servername_callback is not supported: give sev"),
        (lambda context: context.sni_callback, "sni_callback is not supported: give several certificates by certfile"),
        (lambda context: context.load_dh_params("dh.pem"), "load_dh_params is not supported"),
        (
            lambda context: context.set_ecdh_curve("secp521r1"),
            "set_ecdh_curve('secp521r1') is not supported: there are X25519, prime256v1, secp384r1",
        ),
        (lambda context: context.set_groups("X25519"), "set_groups is not supported: set_ecdh_curve() chooses one"),
        (lambda context: context.load_default_certs(), "load_default_certs is not supported: give ca_certs"),
        (lambda context: context.set_default_verify_paths(), "set_default_verify_paths is not supported: give ca_c"),
        (lambda context: context.set_npn_protocols(["http/1.1"]), "set_npn_protocols is not supported"),
        (lambda context: context.cert_store_stats(), "cert_store_stats is not supported"),
        (lambda context: context.get_ca_certs(), "get_ca_certs is not supported"),
        (lambda context: context.verify_flags, "verify_flags is not supported"),
        (lambda context: setattr(context, "num_tickets", 4), "num_tickets is not supported"),
        (lambda context: context.wrap_socket(None), "wrap_socket is not supported"),
        (
            lambda context: context.load_verify_locations(capath="/etc"),
            "load_verify_locations(capath=…) is not supported",
        ),
        (lambda context: context.set_alpn_protocols(["h2"]), "set_alpn_protocols('h2') is not supported: name h2 in"),
        (lambda context: setattr(context, "check_hostname", True), "check_hostname = True is not supported"),
        (lambda context: setattr(context, "keylog_filename", "log"), "keylog_filename is not supported"),
        (lambda context: setattr(context, "options", 1 << 62), f"options {1 << 62} is not supported"),
        (
            lambda context: setattr(context, "maximum_version", ssl.TLSVersion.TLSv1_1),
            "maximum_version leaves no version",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(what: Callable[[Any], object], name: str):
    assert refusal(what).startswith(f"ssl_context: {name}")


def hook(made: Callable[[Any, Callable[[], Any]], object]) -> Sources:
    return asked(Settings({"certfile": ("a.pem",), "ssl_context": made}), BEFORE)


def test_the_hook_gets_the_settings_and_what_makes_a_context():
    def made(config: Any, default: Callable[[], Any]) -> object:
        assert config.certfile == "a.pem"
        context = default()
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context

    assert hook(made).versions == (13, 13)


def test_what_the_factory_makes_may_be_returned_as_it_is():
    assert hook(lambda config, default: default()) == BEFORE


def test_a_hook_that_fails_or_returns_something_else_is_the_operators_mistake():
    for made, words in (
        (lambda config, default: 1 / 0, "ssl_context failed: ZeroDivisionError: division by zero"),
        (
            lambda config, default: None,
            "ssl_context must return what default_ssl_context_factory() gives, not NoneType",
        ),
        (
            lambda config, default: ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),
            "ssl_context must return what default_ssl_context_factory() gives, not SSLContext",
        ),
    ):
        with pytest.raises(OperatorError) as caught:
            hook(made)
        assert str(caught.value) == words
