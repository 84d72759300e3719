"""The pair between siblings."""

from __future__ import annotations

import os
import socket

import pytest

from longma.process.handover import open_handover


def test_packets_stay_apart_and_nothing_blocks():
    handover = open_handover()
    receiver, sender = handover.filenos()
    os.write(sender, b"first")
    os.write(sender, b"second")
    assert (os.read(receiver, 100), os.read(receiver, 100)) == (b"first", b"second")
    with pytest.raises(BlockingIOError):
        os.read(receiver, 100)
    assert not os.get_inheritable(receiver)
    assert not os.get_inheritable(sender)
    handover.close()


def test_there_is_room_for_a_hundred_connections_in_passing():
    handover = open_handover()
    receiver, sender = (socket.socket(fileno=os.dup(end)) for end in handover.filenos())
    for _ in range(100):
        socket.send_fds(sender, [b"head"], [0])
    for _ in range(100):
        _, descriptors, _, _ = socket.recv_fds(receiver, 100, 1)
        os.close(descriptors[0])
    receiver.close()
    sender.close()
    handover.close()
