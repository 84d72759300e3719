"""Senders go on whatever their peer does, and never wait for it."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from longma.logs.network import MAX_PENDING_RECORDS, RETRY_SECONDS, Datagrams, Peer, Remote, Stream, resolved
from tests.support.deadlines import until
from tests.support.listening import Daemon, read_lines


class Words(list[str]):
    """What a sender has complained of."""

    def __call__(self, words: str) -> None:
        self.append(words)


@pytest.fixture
def words() -> Words:
    return Words()


def dgram(path: str) -> Remote:
    return Remote(socket.AF_UNIX, socket.SOCK_DGRAM, path)


def stream(path: str) -> Remote:
    return Remote(socket.AF_UNIX, socket.SOCK_STREAM, path)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_localhost_is_looked_for_where_daemons_listen():
    assert resolved("localhost", 514, socket.SOCK_DGRAM)[2] == ("127.0.0.1", 514)


def test_a_daemon_that_is_gone_is_told_of_once_and_looked_for_once_a_second(short_directory: str, words: Words):
    path = os.path.join(short_directory, "log")
    clock = Clock()
    sender = Datagrams(dgram(path), Peer(words, "syslog: it", clock))
    sender.send(b"lost")
    assert words == ["syslog: it: No such file or directory; records for it are lost until it is back"]
    with Daemon(path) as daemon:
        clock.now += RETRY_SECONDS / 2
        sender.send(b"lost")
        clock.now += RETRY_SECONDS / 2
        sender.send(b"found")
        assert daemon.datagram() == b"found"
    sender.send(b"lost")
    assert len(words) == 2
    clock.now += RETRY_SECONDS
    with Daemon(path) as daemon:
        sender.send(b"found again")
        assert daemon.datagram() == b"found again"
    sender.close()
    assert len(words) == 2


def test_a_daemon_that_was_replaced_gets_the_very_next_datagram(short_directory: str, words: Words):
    path = os.path.join(short_directory, "log")
    sender = Datagrams(dgram(path), Peer(words, "it"))
    for turn in (b"first", b"second"):
        with Daemon(path) as daemon:
            sender.send(turn)
            assert daemon.datagram() == turn
    sender.close()
    assert words == []


def test_datagrams_to_nobody_cost_no_more_than_themselves(words: Words):
    with Daemon("udp") as daemon:
        sender = Datagrams(resolved("127.0.0.1", daemon.port, socket.SOCK_DGRAM), Peer(words, "it"))
        sender.send(b"one")
        assert daemon.datagram() == b"one"
    for _ in range(3):
        sender.send(b"to nobody")
    sender.close()
    assert words == []


def test_a_daemon_that_reads_nothing_holds_nobody_up(short_directory: str, words: Words):
    path = os.path.join(short_directory, "log")
    with Daemon(path) as daemon:
        sender = Datagrams(dgram(path), Peer(words, "it"))
        for turn in range(5000):
            sender.send(b"%d" % turn)
        kept = daemon.waiting()
        assert kept == [b"%d" % turn for turn in range(len(kept))]
        assert 0 < len(kept) < 5000
        sender.send(b"again")
        assert daemon.datagram() == b"again"
        sender.close()
    assert words == []


@pytest.mark.parametrize("where", ["tcp", "unix"])
def test_a_stream_carries_records_one_after_another(short_directory: str, words: Words, where: str):
    path = os.path.join(short_directory, "log")
    with Daemon("tcp" if where == "tcp" else path, socket.SOCK_STREAM) as daemon:
        remote = resolved("127.0.0.1", daemon.port, socket.SOCK_STREAM) if where == "tcp" else stream(path)
        sender = Stream(remote, Peer(words, "it"))
        for turn in range(3):
            sender.send(b"record %d\n" % turn)
        assert read_lines(daemon.accept(), 3) == [b"record 0", b"record 1", b"record 2"]
        sender.close()
    assert words == []


def test_a_stream_that_ended_is_opened_again(short_directory: str, words: Words):
    path = os.path.join(short_directory, "log")
    clock = Clock()
    sender = Stream(stream(path), Peer(words, "it", clock))
    sender.send(b"before there is anybody\n")
    assert words == ["it: No such file or directory; records for it are lost until it is back"]
    clock.now += RETRY_SECONDS
    with Daemon(path, socket.SOCK_STREAM) as daemon:
        sender.send(b"first\n")
        connection = daemon.accept()
        assert read_lines(connection, 2) == [b"before there is anybody", b"first"]
        connection.close()
        sender.send(b"second\n")
        assert read_lines(daemon.accept(), 1) == [b"second"]
    sender.close()
    assert len(words) == 1


def test_a_stream_whose_peer_reads_nothing_keeps_a_bounded_part(short_directory: str, words: Words):
    path = os.path.join(short_directory, "log")
    with Daemon(path, socket.SOCK_STREAM) as daemon:
        sender = Stream(stream(path), Peer(words, "it"))
        record = b"%05d " + b"x" * 8000 + b"\n"
        for turn in range(1000):
            sender.send(record % turn)
        connection = daemon.accept()
        # Each send makes room for more of what was kept: all that was, is whole and in order.
        received = b""
        while not received.endswith(b"the last\n"):
            received += connection.recv(1 << 20)
            sender.send(b"the last\n")
        numbers = [int(line[:5]) for line in received.splitlines() if line != b"the last"]
        assert numbers == list(range(len(numbers)))
        assert MAX_PENDING_RECORDS <= len(numbers) < 1000
        sender.close()
    assert words == []


def test_after_a_fork_each_process_has_a_connection_of_its_own(short_directory: str, words: Words):
    path = os.path.join(short_directory, "log")
    with Daemon(path, socket.SOCK_STREAM) as daemon:
        sender = Stream(stream(path), Peer(words, "it"))
        sender.send(b"parent\n")
        pid = os.fork()
        if pid == 0:
            sender.send(b"child\n")
            sender.close()
            os._exit(0)
        os.waitpid(pid, 0)
        sender.send(b"parent again\n")
        first, second = daemon.accept(), daemon.accept()
        assert read_lines(first, 2) == [b"parent", b"parent again"]
        assert read_lines(second, 1) == [b"child"]
        sender.close()
    assert words == []


def test_threads_do_not_mix_their_records_in_a_stream(short_directory: str, words: Words):
    path = os.path.join(short_directory, "log")
    with Daemon(path, socket.SOCK_STREAM) as daemon:
        sender = Stream(stream(path), Peer(words, "it"))
        sender.send(b"start\n")
        connection = daemon.accept()
        lines: list[bytes] = []
        reader = threading.Thread(target=lambda: lines.extend(read_lines(connection, 201)))
        reader.start()
        writers = [
            threading.Thread(target=lambda letter=letter: [sender.send(letter * 500 + b"\n") for _ in range(50)])
            for letter in (b"a", b"b", b"c", b"d")
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        until(lambda: sender.send(b"") or not reader.is_alive(), "all that was kept to be sent")
        sender.close()
    assert sorted(lines) == sorted(
        [b"start", *(letter * 500 for letter in (b"a", b"b", b"c", b"d") for _ in range(50))]
    )
    assert words == []


def test_what_waits_is_sent_before_the_end(words: Words):
    with Daemon("tcp") as daemon:
        sender = Stream(resolved("127.0.0.1", daemon.port, socket.SOCK_STREAM), Peer(words, "it"))
        sender.send(b"the only one\n")
        sender.close()
        assert read_lines(daemon.accept(), 1) == [b"the only one"]


def test_a_port_that_nobody_listens_on_is_told_once(words: Words):
    with Daemon("tcp") as daemon:
        port = daemon.port
    clock = Clock()
    sender = Stream(resolved("127.0.0.1", port, socket.SOCK_STREAM), Peer(words, "it", clock))
    for _ in range(3):
        sender.send(b"lost\n")
        clock.now += RETRY_SECONDS
    sender.close()
    assert words == ["it: Connection refused; records for it are lost until it is back"]
