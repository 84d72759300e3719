"""The settings of TLS: lists of cipher suites, and words of the module ssl."""

from __future__ import annotations

import ssl

import pytest

from longma._core import Tls
from longma.config.ciphers import CURVES, SUITES, ciphers, suites_of
from longma.config.sections.tls import requirement, version

OF_TLS13 = SUITES[:3]


def test_the_core_has_the_same_suites():
    assert tuple(Tls.suites()) == SUITES
    assert tuple(Tls.curves()) == CURVES


@pytest.mark.parametrize(
    ("text", "suites"),
    [
        ("ECDHE-RSA-AES128-GCM-SHA256", (*OF_TLS13, "ECDHE-RSA-AES128-GCM-SHA256")),
        ("ECDHE-RSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256", ("ECDHE-RSA-AES128-GCM-SHA256", OF_TLS13[0])),
        ("HIGH:!aNULL:!MD5:!RC4", SUITES),
        ("DEFAULT", SUITES),
        ("HIGH:!CHACHA20", tuple(suite for suite in SUITES if "CHACHA20" not in suite)),
        ("ECDHE+AESGCM", (*OF_TLS13, *(suite for suite in SUITES[3:] if "GCM" in suite))),
        ("EECDH+CHACHA20, aRSA+AES128", (*OF_TLS13, SUITES[5], SUITES[8], "ECDHE-RSA-AES128-GCM-SHA256")),
    ],
)
def test_a_list_names_suites_in_its_order(text: str, suites: tuple[str, ...]):
    assert suites_of(text) == suites


@pytest.mark.parametrize("text", ["AES128-SHA", "DHE-RSA-AES128-GCM-SHA256", "RC4", "kRSA+AES", "ECDHE:nonsense"])
def test_what_is_no_suite_is_refused(text: str):
    with pytest.raises(ValueError, match=r"name cipher suites that there are: .* is none of TLS_AES_128_GCM_SHA256, "):
        ciphers(text)


def test_a_list_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="leave a cipher suite"):
        ciphers("TLS_AES_128_GCM_SHA256:!AESGCM")
    assert ciphers("  ") is None


@pytest.mark.parametrize(
    ("value", "number"),
    [(0, 0), ("1", 1), (ssl.CERT_REQUIRED, 2), ("CERT_OPTIONAL", 1), ("VerifyMode.CERT_REQUIRED", 2), ("none", 0)],
)
def test_whether_clients_show_a_certificate_is_a_number_or_a_word(value: object, number: int):
    assert requirement(value) == number


@pytest.mark.parametrize("value", [3, -1, 1000.0, "2.0", "some"])
def test_a_requirement_that_is_none_of_them_is_refused(value: object):
    with pytest.raises(ValueError, match="be 0 "):
        requirement(value)


@pytest.mark.parametrize(
    ("value", "number"),
    [(2, 2), (ssl.PROTOCOL_TLS_SERVER, 2), ("TLS", 2), ("PROTOCOL_TLSv1_2", 5), ("_SSLMethod.PROTOCOL_TLSv1_2", 5)],
)
def test_a_version_is_a_number_or_a_word(value: object, number: int):
    assert version(value) == number


@pytest.mark.parametrize("value", [3, "TLSv1", "SSLv3", None, True])
def test_other_versions_are_refused(value: object):
    with pytest.raises(ValueError, match="be TLS"):
        version(value)
