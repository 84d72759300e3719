"""Real sockets: what they are set to, what becomes of paths, and how a failure is told."""

from __future__ import annotations

import _socket
import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.unit.net.opening import LINUX, Opened, look, needs_ipv6


def test_a_port_is_listened_on(opened: Opened):
    (listener,) = opened("127.0.0.1:0")
    with look(listener) as sock:
        assert listener.url == f"http://127.0.0.1:{sock.getsockname()[1]}"
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not os.get_blocking(listener.fileno())
        assert not os.get_inheritable(listener.fileno())
        with socket.create_connection(sock.getsockname()):
            pass
    assert repr(listener) == f"Listener({listener.url!r}, fd={listener.fileno()})"


@pytest.mark.skipif(not LINUX, reason="TCP_DEFER_ACCEPT is Linux's")
@pytest.mark.parametrize("wanted", [True, False])
def test_accepting_waits_for_the_first_bytes_unless_told_not_to(opened: Opened, wanted: bool):
    (listener,) = opened("127.0.0.1:0", defer_accept=wanted)
    with look(listener) as sock:
        assert bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT)) is wanted


def test_several_addresses_are_opened_in_their_order(opened: Opened, short_directory: str):
    first, second = opened("127.0.0.1:0", f"unix:{short_directory}/s")
    assert first.url.startswith("http://127.0.0.1:")
    assert second.url == f"unix:{short_directory}/s"


def test_a_name_is_looked_up(opened: Opened):
    (listener,) = opened("localhost:0")
    assert listener.url.startswith("http://127.0.0.1:")


@needs_ipv6
def test_ipv6_has_brackets(opened: Opened):
    (listener,) = opened("[::1]:0")
    assert listener.url.startswith("http://[::1]:")


@needs_ipv6
def test_the_ipv6_wildcard_takes_ipv4_too(opened: Opened):
    (both,) = opened("[::]:0")
    with look(both) as sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0


@needs_ipv6
def test_both_wildcards_can_be_listened_on_at_one_port(opened: Opened):
    with socket.socket() as keeps_the_port:  # it does not listen, so it is in nobody's way
        keeps_the_port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeps_the_port.bind(("0.0.0.0", 0))
        port = keeps_the_port.getsockname()[1]
        first, second = opened(f"0.0.0.0:{port}", f"[::]:{port}")
    assert (first.url, second.url) == (f"http://0.0.0.0:{port}", f"http://[::]:{port}")


def test_closing_ends_it(opened: Opened):
    (listener,) = opened("127.0.0.1:0")
    listener.unlink()
    listener.close()
    listener.close()
    assert listener.fileno() == -1


def test_the_mode_of_a_path_is_what_the_mask_leaves(opened: Opened, short_directory: str):
    before = os.umask(0o77)
    try:
        opened(f"unix:{short_directory}/open")
        opened(f"unix:{short_directory}/closed", umask=0o117)
        assert os.umask(0o77) == 0o77
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(os.stat(f"{short_directory}/{name}").st_mode) for name in ("open", "closed")]
    assert modes == [0o777, 0o660]


def test_a_path_is_removed_by_the_one_who_made_it(opened: Opened, short_directory: str):
    path = f"{short_directory}/s"
    (listener,) = opened(f"unix:{path}")
    listener.close()
    listener.unlink()
    assert not os.path.lexists(path)
    listener.unlink()


def test_a_relative_path_is_removed_from_wherever_we_are_then(
    opened: Opened, short_directory: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(short_directory)
    (listener,) = opened("unix:s")
    assert listener.url == "unix:s"
    monkeypatch.chdir("/")
    listener.unlink()
    assert not os.path.lexists(f"{short_directory}/s")


def test_a_path_that_is_anothers_by_now_stays(opened: Opened, short_directory: str):
    path = f"{short_directory}/s"
    (old,) = opened(f"unix:{path}")
    os.rename(path, path + ".old")  # keeps the inode in use, so that the next one must differ
    (new,) = opened(f"unix:{path}")
    old.unlink()
    assert os.path.lexists(path)
    new.unlink()
    assert not os.path.lexists(path)


def test_a_path_left_by_a_dead_server_is_replaced(opened: Opened, short_directory: str):
    path = f"{short_directory}/s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
        dead.listen()
    opened(f"unix:{path}")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def test_a_path_that_is_listened_on_is_left_alone(opened: Opened, short_directory: str):
    path = f"{short_directory}/s"
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(path)
        alive.listen(0)
        with socket.socket(socket.AF_UNIX) as fills_the_backlog:
            fills_the_backlog.connect(path)
            words = opened.refused(f"unix:{path}")
    assert words.startswith(f"unix:{path}: Address already in use; ")
    assert os.path.lexists(path)


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_what_is_no_socket_is_left_alone(opened: Opened, tmp_path: Path, short_directory: str, kind: str):
    path = Path(short_directory, "s")
    if kind == "file":
        path.write_text("precious")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nothing")
    assert opened.refused(f"unix:{path}") == (
        f"unix:{path}: File exists; what is there is no socket: move it away or choose another path"
    )
    assert os.path.lexists(path)


def test_a_missing_directory_is_named(opened: Opened, short_directory: str):
    assert opened.refused(f"unix:{short_directory}/a/s") == (
        f"unix:{short_directory}/a/s: No such file or directory; create the directory {short_directory}/a first"
    )


def test_a_taken_port_is_tried_five_times(opened: Opened):
    (first,) = opened("127.0.0.1:0")
    address = first.url.removeprefix("http://")
    assert opened.refused(address).startswith(f"{address}: Address already in use; ")
    assert opened.clock.slept == [1.0] * 4
    again = (40, f"Connection in use: {address}; trying again in 1 second")
    assert opened.log == [again] * 4 + [(40, f"Connection in use: {address}")]


def test_a_port_that_becomes_free_is_taken(opened: Opened):
    (first,) = opened("127.0.0.1:0")
    opened.clock.while_asleep = [first.close]
    (second,) = opened(first.url.removeprefix("http://"))
    assert second.url == first.url
    assert opened.clock.slept == [1.0]


def test_a_name_server_that_is_not_there_yet_is_waited_for(opened: Opened, monkeypatch: pytest.MonkeyPatch):
    looked_up = _socket.getaddrinfo

    def getaddrinfo(*arguments: object) -> object:
        monkeypatch.setattr(_socket, "getaddrinfo", looked_up)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(_socket, "getaddrinfo", getaddrinfo)
    (listener,) = opened("localhost:0")
    assert listener.url.startswith("http://127.0.0.1:")
    assert opened.log == [(40, "Name not looked up: localhost:0; trying again in 1 second")]


def test_an_address_that_is_not_ours_is_explained(opened: Opened):
    words = opened.refused("192.0.2.1:80")  # RFC 5737: an address that nobody has
    assert words.endswith("no interface of this machine has it; 0.0.0.0 and [::] mean all of them")
    assert len(opened.clock.slept) == 4


@pytest.mark.parametrize("host", ["x" * 300, "a..b", "é" * 70])
def test_a_name_that_nobody_has_is_explained(opened: Opened, host: str):
    words = opened.refused(f"{host}:80")
    assert words.startswith(f"{host}:80: ")
    assert words.rpartition("; ")[2]


def test_nothing_is_left_when_one_address_fails(opened: Opened, short_directory: str):
    before = set(os.listdir("/proc/self/fd")) if LINUX else set()
    opened.refused(f"unix:{short_directory}/s", f"unix:{short_directory}/a/s")
    assert not os.path.lexists(f"{short_directory}/s")
    if LINUX:
        assert set(os.listdir("/proc/self/fd")) == before


@pytest.fixture
def inherited() -> Iterator[socket.socket]:
    """A bound socket whose descriptor belongs to the listener: closed here only if nobody did."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    yield sock
    with suppress(OSError):
        sock.close()


def test_an_inherited_socket_is_used_as_it_is(opened: Opened, inherited: socket.socket):
    inherited.listen(7)
    url = f"http://127.0.0.1:{inherited.getsockname()[1]}"
    descriptor = inherited.detach()
    (listener,) = opened(f"fd://{descriptor}")
    assert listener.fileno() == descriptor
    assert listener.url == url
    assert not os.get_blocking(descriptor)


def test_an_inherited_socket_that_does_not_listen_yet_is_made_to(opened: Opened, inherited: socket.socket):
    (listener,) = opened(f"fd://{inherited.detach()}")
    with look(listener) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def test_an_inherited_unix_socket_keeps_its_path(opened: Opened, short_directory: str):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(f"{short_directory}/s")
    (listener,) = opened(f"fd://{sock.detach()}")
    assert listener.url == f"unix:{short_directory}/s"
    listener.unlink()
    assert os.path.lexists(f"{short_directory}/s")


@pytest.mark.skipif(not LINUX, reason="abstract names are Linux's")
def test_an_abstract_name_is_shown_with_an_at_sign(opened: Opened):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(f"\0longma-test-{os.getpid()}")
    (listener,) = opened(f"fd://{sock.detach()}")
    assert listener.url == f"unix:@longma-test-{os.getpid()}"


def test_inherited_sockets_come_alone(opened: Opened, inherited: socket.socket):
    listeners = opened("127.0.0.1:1", f"fd://{inherited.detach()}")
    assert len(listeners) == 1
    assert opened.log == [(30, "Not listening on 127.0.0.1:1: inherited descriptors were given, which come alone")]


def test_a_descriptor_that_is_no_listening_socket_is_refused_and_left_open(opened: Opened, tmp_path: Path):
    cure = "start longma with a listening socket at that number, or bind another address"
    with (tmp_path / "file").open("w") as file:
        words = opened.refused(f"fd://{file.fileno()}")
        assert words == f"fd://{file.fileno()}: {os.strerror(errno.ENOTSOCK)}; {cure}"
        os.fstat(file.fileno())
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        words = opened.refused(f"fd://{datagrams.fileno()}")
        assert words == f"fd://{datagrams.fileno()}: {os.strerror(errno.EPROTOTYPE)}; {cure}"
        os.fstat(datagrams.fileno())
    assert opened.refused("fd://98765").startswith("fd://98765: Bad file descriptor; ")
