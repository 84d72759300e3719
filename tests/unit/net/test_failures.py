"""What an operator reads when an address is taken or cannot be had: who has it, and what helps."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from longma.config.addresses import TCPAddress, UnixAddress
from longma.net.failures import explained
from longma.net.holder import holder_of_path, holder_of_port
from tests.unit.net.opening import LINUX, Opened, needs_ipv6
from tests.unit.process.children import exit_code, fork

pytestmark = pytest.mark.skipif(not LINUX, reason="/proc is Linux's")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may see less")
NOBODY = 65534


@contextmanager
def server(sock: socket.socket, workers: int = 0) -> Iterator[int]:
    """Another process that has this socket, and forks as many that have it too; yields its number."""
    heard, told = os.pipe()
    ready, says = os.pipe()

    def run() -> None:
        os.close(told)
        children = [fork(lambda: os.read(heard, 1)) for _ in range(workers)]
        os.write(says, b".")
        os.read(heard, 1)
        assert [exit_code(child) for child in children] == [0] * workers

    pid = fork(run)
    sock.close()
    os.close(heard)
    os.read(ready, 1)
    yield pid
    for descriptor in (told, ready, says):
        os.close(descriptor)
    assert exit_code(pid) == 0


def listening(address: object, family: int = socket.AF_INET) -> socket.socket:
    sock = socket.socket(family)
    sock.bind(address)  # type: ignore[arg-type]
    sock.listen()
    return sock


def name_of(pid: int) -> str:
    with open(f"/proc/{pid}/comm") as comm:
        return comm.read().strip()


def test_the_server_that_has_a_port_is_named(opened: Opened):
    sock = listening(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    with server(sock, workers=2) as pid:
        words = opened.refused(f"127.0.0.1:{port}")
        assert words == (
            f"127.0.0.1:{port}: Address already in use; process {pid} ({name_of(pid)}) listens there: stop it or bind "
            "another address"
        )
    assert holder_of_port(port) is None


@needs_ipv6
def test_one_that_has_the_port_on_every_interface_is_found(opened: Opened):
    sock = listening(("::", 0), socket.AF_INET6)
    port = sock.getsockname()[1]
    with server(sock) as pid:
        assert f"process {pid} (" in opened.refused(f"0.0.0.0:{port}")


@needs_root
def test_of_a_process_that_is_not_ours_to_look_into_the_user_is_named():
    sock = listening(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    with server(sock):

        def run() -> None:
            os.setuid(NOBODY)
            holder = holder_of_port(port)
            assert holder is not None
            assert holder.words == "a process of user root"

        assert exit_code(fork(run)) == 0


def test_the_server_that_has_a_path_is_named(opened: Opened, short_directory: str):
    path = f"{short_directory}/s"
    with server(listening(path, socket.AF_UNIX)) as pid:
        assert opened.refused(f"unix:{path}") == (
            f"unix:{path}: Address already in use; process {pid} ({name_of(pid)}) listens there: stop it or bind "
            "another address"
        )


def test_a_path_that_cannot_be_looked_up_has_words_too(
    opened: Opened, short_directory: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(short_directory)
    sock = listening("s", socket.AF_UNIX)
    monkeypatch.chdir("/")
    words = opened.refused(f"unix:{short_directory}/s")
    assert words.endswith("another server listens there: stop it or choose another path")
    assert holder_of_path(f"{short_directory}/s") is None
    sock.close()


def test_an_abstract_name_is_listened_on_by_one(opened: Opened):
    name = f"@longma-test-abstract-{os.getpid()}"
    (listener,) = opened(f"unix:{name}")
    assert listener.url == f"unix:{name}"
    assert listener.serves(listener.address)
    listener.unlink()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\0" + name[1:])
    with server(socket.socket(fileno=os.dup(listener.fileno()))) as pid:
        listener.close()
        assert f"process {pid} (" in opened.refused(f"unix:{name}")


def test_a_port_named_twice_is_our_own(opened: Opened):
    with listening(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    words = opened.refused(f"127.0.0.1:{port}", f"0.0.0.0:{port}")
    assert "this server itself listens there: name it once" in words


def test_two_servers_that_both_ask_for_it_share_a_port(opened: Opened):
    (first,) = opened("127.0.0.1:0", reuse_port=True)
    address = first.url.removeprefix("http://")
    (second,) = opened(address, reuse_port=True)
    assert second.url == first.url
    assert opened.refused(address).startswith(f"{address}: Address already in use; ")


@needs_ipv6
def test_a_link_local_address_needs_its_interface(opened: Opened):
    words = opened.refused("[fe80::1]:8000")
    assert words.endswith("a link-local address needs the name of its interface, as in [fe80::1%eth0]:8000")


def test_a_machine_without_ipv6_is_told():
    error = explained(TCPAddress("::", 80), OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT)))
    assert str(error) == (
        "[::]:80: Address family not supported by protocol; this machine has no IPv6; bind an IPv4 address, such as "
        "0.0.0.0"
    )


def refusal(code: int) -> OSError:
    """What the system says."""
    return OSError(code, os.strerror(code))


def test_a_port_that_is_forbidden_though_it_is_everybodys():
    words = str(explained(TCPAddress("0.0.0.0", 50000), refusal(errno.EACCES)))
    assert words.endswith("a security policy of this machine (SELinux, AppArmor, a sandbox) forbids that port")


def test_a_port_that_is_for_root_only():
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except FileNotFoundError:
        first = 1024
    words = str(explained(TCPAddress("0.0.0.0", first - 1), refusal(errno.EACCES)))
    cure = f"ports below {first} are for root or the capability CAP_NET_BIND_SERVICE"
    assert words.endswith(cure) or not first


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_filesystem_that_takes_no_sockets(short_directory: str, code: int):
    words = str(explained(UnixAddress(f"{short_directory}/s"), refusal(code)))
    assert words.endswith(
        f"the filesystem of {short_directory} takes no sockets: choose a path on another one, such as /run"
    )


def as_nobody(run: Callable[[], None]) -> None:
    """Do it in a child that is not root."""

    def become_and_run() -> None:
        os.setuid(NOBODY)
        run()

    assert exit_code(fork(become_and_run)) == 0


@needs_root
@pytest.mark.parametrize("listens", [True, False])
def test_the_socket_of_somebody_else_is_left_to_them(opened: Opened, short_directory: str, listens: bool):
    path = f"{short_directory}/s"
    sock = listening(path, socket.AF_UNIX)
    os.chmod(path, 0o600)
    os.chmod(short_directory, 0o1777)
    if not listens:
        sock.close()

    def run() -> None:
        assert opened.refused(f"unix:{path}").endswith(
            "; the socket that is there belongs to somebody else: remove it or choose another path"
        )

    as_nobody(run)
    assert os.path.exists(path)
    sock.close()


@needs_root
def test_a_directory_that_is_not_ours_is_named(opened: Opened, short_directory: str):
    os.chmod(short_directory, 0o755)

    def run() -> None:
        assert opened.refused(f"unix:{short_directory}/s").endswith(
            f"; the user that starts longma must be allowed to write to {short_directory}"
        )

    as_nobody(run)


def test_a_socket_of_another_kind_is_left_alone(opened: Opened, short_directory: str):
    path = f"{short_directory}/s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(path)
        assert opened.refused(f"unix:{path}").endswith(
            "; what is there is a socket of another kind: stop whoever has it or choose another path"
        )


@needs_root
def test_a_path_belongs_to_the_user_of_the_workers(opened: Opened, short_directory: str):
    opened(f"unix:{short_directory}/s", user=NOBODY, group=NOBODY)
    opened(f"unix:{short_directory}/t")
    owners = [
        (os.stat(f"{short_directory}/{name}").st_uid, os.stat(f"{short_directory}/{name}").st_gid) for name in "st"
    ]
    assert owners == [(NOBODY, NOBODY), (0, 0)]


@needs_root
def test_a_path_that_cannot_be_given_away_does_not_stay(
    opened: Opened, short_directory: str, monkeypatch: pytest.MonkeyPatch
):
    def chown(*_arguments: object, **_options: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "chown", chown)
    assert opened.refused(f"unix:{short_directory}/s", user=NOBODY, group=NOBODY) == (
        f"unix:{short_directory}/s: cannot be given to user {NOBODY} and group {NOBODY}: Operation not permitted; "
        "longma needs the capability CAP_CHOWN for --user and --group"
    )
    assert os.listdir(short_directory) == []


@pytest.mark.parametrize("kind", ["connected", "unbound", "vanished"])
def test_descriptors_that_cannot_be_listened_on_are_refused(opened: Opened, kind: str):
    first, second = socket.socketpair()
    unbound = socket.socket()
    number = {"connected": first.fileno(), "unbound": unbound.fileno(), "vanished": 98765}[kind]
    for how in ({}, {"inherited": [number]}):
        words = opened.refused(f"fd://{number}", how=how)
        assert words.endswith("; start longma with a listening socket at that number, or bind another address")
    for sock in (first, second, unbound):
        sock.close()
