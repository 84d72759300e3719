"""Lists of trusted peers: the standard library's `ipaddress` says what a network is."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longma.config.networks import networks


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("127.0.0.1,::1", ("127.0.0.1", "::1")),
        (" 10.0.0.0/8 , * ", ("10.0.0.0/8", "*")),
        ("", ()),
        ([], ()),
        (None, ()),
        (["fe80::/10", "10.1.2.3"], ("fe80::/10", "10.1.2.3")),
        ("192.168.0.0/255.255.0.0", ("192.168.0.0/16",)),
        ("0.0.0.0/0", ("0.0.0.0/0",)),
        ("::/0", ("::/0",)),
        ("1.2.3.4/32", ("1.2.3.4/32",)),
    ],
)
def test_a_good_list_is_read(given: object, expected: tuple[str, ...]):
    assert networks(given) == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("10.0.0.1/8", "hold networks without host bits: write 10.0.0.0/8 for '10.0.0.1/8'"),
        ("fe80::1/10", "hold networks without host bits: write fe80::/10 for 'fe80::1/10'"),
        ("10.0.0.0/33", "hold networks whose mask is a number from 0 to 32, not '10.0.0.0/33'"),
        ("::/129", "hold networks whose mask is a number from 0 to 128, not '::/129'"),
        ("10.0.0.0/", "hold networks whose mask is a number from 0 to 32, not '10.0.0.0/'"),
        ("10.0.0.0/255.0.255.0", "hold networks whose mask is a number from 0 to 32, not '10.0.0.0/255.0.255.0'"),
        ("proxy", "hold IP addresses, networks such as 10.0.0.0/8, or '*', not 'proxy'"),
        ("127.1", "hold IP addresses, networks such as 10.0.0.0/8, or '*', not '127.1'"),
        ("1.2.3.4\0", "hold no NUL, as '1.2.3.4\\x00' does"),
        (5, "be a list of strings, not 5"),
    ],
)
def test_a_bad_list_says_what_is_wrong(given: object, words: str):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        networks(given)


@given(st.ip_addresses(), st.integers(0, 140))
def test_a_network_is_what_the_standard_library_takes_for_one(address: object, bits: int):
    text = f"{address}/{bits}"
    try:
        ipaddress.ip_network(text)
    except ValueError:
        with pytest.raises(ValueError, match="hold networks"):
            networks(text)
    else:
        assert networks(text) == (text,)
