"""The grammar of `bind`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longma.config.addresses import InheritedAddress, TCPAddress, UnixAddress, parse
from longma.errors import AddressError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", TCPAddress("0.0.0.0", 8000)),
        ("127.0.0.1", TCPAddress("127.0.0.1", 8000)),
        ("127.0.0.1:80", TCPAddress("127.0.0.1", 80)),
        (":80", TCPAddress("0.0.0.0", 80)),
        (":0", TCPAddress("0.0.0.0", 0)),
        ("LocalHost:80", TCPAddress("localhost", 80)),
        ("[::1]", TCPAddress("::1", 8000)),
        ("[::1]:80", TCPAddress("::1", 80)),
        ("[::]:80", TCPAddress("::", 80)),
        ("[FE80::1%Eth0]:80", TCPAddress("fe80::1%Eth0", 80)),
        ("tcp://127.0.0.1:80", TCPAddress("127.0.0.1", 80)),
        ("tcp://:80", TCPAddress("0.0.0.0", 80)),
        ("unix:/run/app.sock", UnixAddress("/run/app.sock")),
        ("unix:app.sock", UnixAddress("app.sock")),
        ("unix://app.sock", UnixAddress("app.sock")),
        ("unix:///run/app.sock", UnixAddress("/run/app.sock")),
        ("unix:/run/a:b,c", UnixAddress("/run/a:b,c")),
        ("unix:@name", UnixAddress("@name")),
        ("unix:./@name", UnixAddress("./@name")),
        ("fd://3", InheritedAddress(3)),
        ("http://127.0.0.1:80", TCPAddress("127.0.0.1", 80)),
        ("uwsgi://127.0.0.1", TCPAddress("127.0.0.1", 8000)),
        ("uwsgi://unix:/run/app.sock", UnixAddress("/run/app.sock")),
        ("uwsgi://unix:///run/app.sock", UnixAddress("/run/app.sock")),
        ("fastcgi://[::1]:80", TCPAddress("::1", 80)),
        ("scgi://tcp://:80", TCPAddress("0.0.0.0", 80)),
        ("scgi://fd://3", InheritedAddress(3)),
    ],
)
def test_an_address_is_read(text: str, address: object):
    assert parse(text) == address


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("127.0.0.1:", "127.0.0.1:: '' is no port; ports are numbers from 0 to 65535"),
        ("a:http", "a:http: 'http' is no port; ports are numbers from 0 to 65535"),
        ("a:65536", "a:65536: '65536' is no port; ports are numbers from 0 to 65535"),
        ("a:-1", "a:-1: '-1' is no port; ports are numbers from 0 to 65535"),
        ("a:8_0", "a:8_0: '8_0' is no port; ports are numbers from 0 to 65535"),
        ("a:٣", "a:٣: '٣' is no port; ports are numbers from 0 to 65535"),
        ("::1", "::1: too many colons; an IPv6 address stands in brackets, as in [::1]:8000"),
        ("a:1:2", "a:1:2: too many colons; an IPv6 address stands in brackets, as in [::1]:8000"),
        ("[::1", "[::1: the brackets do not hold an IPv6 address; write it as [::1]:8000"),
        ("[::1]80", "[::1]80: the brackets do not hold an IPv6 address; write it as [::1]:8000"),
        ("[localhost]:80", "[localhost]:80: the brackets do not hold an IPv6 address; write it as [::1]:8000"),
        ("a, b", "a, b: 'a, b' is no host; write HOST:PORT, and give --bind once for each address"),
        ("ftp://a:80", "ftp://a:80: unknown kind of address; write HOST:PORT, unix:PATH or fd://N"),
        ("http://uwsgi://a:80", "http://uwsgi://a:80: unknown kind of address; write HOST:PORT, unix:PATH or fd://N"),
        ("http://a:80/", "http://a:80/: '80/' is no port; ports are numbers from 0 to 65535"),
        ("uwsgi://", "uwsgi://: the address is missing; write uwsgi://HOST:PORT or uwsgi://unix:PATH"),
        ("uwsgi://unix:", "uwsgi://unix:: the path is missing; write unix:PATH"),
        ("a/b", "a/b: 'a/b' is no host; a socket's path is written unix:a/b"),
        ("/run/a.sock", "/run/a.sock: '/run/a.sock' is no host; a socket's path is written unix:/run/a.sock"),
        ("unix:", "unix:: the path is missing; write unix:PATH"),
        ("unix://", "unix://: the path is missing; write unix:PATH"),
        ("unix:@", "unix:@: the abstract name is missing; write unix:@NAME"),
        (
            "unix:\0a",
            "unix:\0a: the path holds a NUL; write unix:PATH, and unix:@NAME for an abstract name",
        ),
        ("fd://", "fd://: that is no file descriptor; write its number, such as fd://3"),
        ("fd://x", "fd://x: that is no file descriptor; write its number, such as fd://3"),
        ("fd://-1", "fd://-1: that is no file descriptor; write its number, such as fd://3"),
    ],
)
def test_what_is_no_address_is_explained(text: str, words: str):
    with pytest.raises(AddressError) as caught:
        parse(text)
    assert str(caught.value) == words
    assert caught.value.exit_status == 1


def test_a_path_has_107_bytes_at_most():
    assert parse("unix:" + "a" * 107) == UnixAddress("a" * 107)
    for path in ("a" * 108, "é" * 54):
        with pytest.raises(AddressError, match="longer than 107 bytes"):
            parse("unix:" + path)


@given(st.text())
def test_any_text_is_an_address_or_an_address_error(text: str):
    refusal = None
    try:
        parse(text)
    except AddressError as error:
        refusal = error
    assert refusal is None or (refusal.address == text and refusal.reason and refusal.cure)


@given(
    st.one_of(
        st.builds(TCPAddress, st.from_regex(r"[a-z0-9][a-z0-9.-]{0,30}", fullmatch=True), st.integers(0, 65535)),
        st.builds(TCPAddress, st.ip_addresses(v=4).map(str), st.integers(0, 65535)),
        st.builds(TCPAddress, st.ip_addresses(v=6).map(str), st.integers(0, 65535)),
        st.builds(
            UnixAddress, st.from_regex(r"[a-z./:,-]{1,50}", fullmatch=True).filter(lambda path: path[:2] != "//")
        ),
        st.builds(InheritedAddress, st.integers(0, 2**31 - 1)),
    )
)
def test_an_address_reads_back_as_itself(address: TCPAddress | UnixAddress | InheritedAddress):
    assert parse(str(address)) == address
