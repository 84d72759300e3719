"""Sockets across an exec: what is said in the environment, and what is open on the other side."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import sys

import pytest

from longma.errors import OperatorError
from longma.net.inherit import Inherited, exec_environment, inherited, leave_open
from tests.unit.net.opening import Opened
from tests.unit.process.children import exit_code, fork

ME = os.getpid()


def test_the_service_manager_gives_descriptors_from_3():
    environ = {"LISTEN_PID": str(ME), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web:web", "A": "b"}
    assert inherited(environ, ME) == Inherited((3, 4), by_systemd=True)
    assert environ == {"A": "b"}


def test_what_was_meant_for_another_process_is_not_ours():
    environ = {"LISTEN_PID": str(ME + 1), "LISTEN_FDS": "2"}
    assert inherited(environ, ME) == Inherited((), by_systemd=False)
    assert environ == {}


def test_what_a_wrapper_kept_for_itself_is_told():
    log: list[tuple[int, str]] = []
    environ = {"LISTEN_PID": str(os.getppid()), "LISTEN_FDS": "1"}
    found = inherited(environ, ME, log=lambda level, line: log.append((level, line)))
    assert (found.descriptors, environ) == ((), {})
    ((level, line),) = log
    assert level == 30
    assert line == (
        f"The service manager gave its sockets to process {os.getppid()}, which started this one: they are not used. "
        "Let ExecStart= name longma itself, or end the script it names with `exec longma ...`"
    )


def test_the_master_before_us_names_its_descriptors():
    environ = {"GUNICORN_FD": "5,7", "A": "b"}
    assert inherited(environ, ME) == Inherited((5, 7), by_systemd=False)
    assert environ == {"A": "b"}


@pytest.mark.parametrize("environ", [{}, {"GUNICORN_FD": ""}, {"LISTEN_PID": str(ME), "LISTEN_FDS": "0"}])
def test_nothing_may_be_inherited(environ: dict[str, str]):
    assert inherited(environ, ME) == Inherited((), by_systemd=False)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"GUNICORN_FD": "5,x"}, "GUNICORN_FD=5,x in the environment: 'x' is no number; remove the variable"),
        (
            {"LISTEN_PID": str(ME), "LISTEN_FDS": "-1"},
            "LISTEN_FDS=-1 in the environment: '-1' is no number; remove the variable",
        ),
    ],
)
def test_what_cannot_be_read_is_told(environ: dict[str, str], words: str):
    with pytest.raises(OperatorError) as caught:
        inherited(environ, ME)
    assert str(caught.value) == words


def test_the_environment_of_a_successor_says_what_it_gets(opened: Opened):
    listeners = opened("127.0.0.1:0", "127.0.0.1:0")
    stale = {"LISTEN_PID": "7", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x", "GUNICORN_FD": "99", "A": "b"}
    numbers = ",".join(str(listener.fileno()) for listener in listeners)
    assert exec_environment(listeners, stale, by_systemd=False) == {"A": "b", "GUNICORN_FD": numbers}
    assert exec_environment(listeners, stale, by_systemd=True) == {"A": "b", "LISTEN_PID": str(ME), "LISTEN_FDS": "2"}


SUCCESSOR = """
import os, sys
from longma.config.settings import Settings
from longma.net.inherit import inherited
from longma.net.listeners import open_listeners

sockets = [n for n in range(3, 100) if os.path.exists(f"/proc/self/fd/{n}")
           and os.readlink(f"/proc/self/fd/{n}").startswith("socket:")]
found = inherited(os.environ, os.getpid())
assert sockets == sorted(found.descriptors), (sockets, found)
listeners = open_listeners(Settings({}), log=print, inherited=found.descriptors, by_systemd=found.by_systemd)
assert [one.url for one in listeners] == sys.argv[1:], listeners
assert not any(os.get_inheritable(one.fileno()) for one in listeners)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("by_systemd", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_an_exec_passes_the_listeners_and_nothing_else(opened: Opened, by_systemd: bool, turned: bool):
    listeners = opened("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0")[:: -1 if turned else 1]
    other = socket.socket()

    def run() -> None:
        environ = exec_environment(listeners, os.environ, by_systemd)
        leave_open(listeners, by_systemd)
        os.execve(sys.executable, [sys.executable, "-c", SUCCESSOR, *(one.url for one in listeners)], environ)

    assert exit_code(fork(run)) == 0
    other.close()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_sockets_that_stand_in_each_others_way_come_out_in_their_order(opened: Opened):
    first, second = opened("127.0.0.1:0", "127.0.0.1:0")

    def run() -> None:
        aside = [fcntl.fcntl(listener.fileno(), fcntl.F_DUPFD, 60) for listener in (first, second)]
        for descriptor, number in zip(aside, (4, 3), strict=True):
            os.dup2(descriptor, number)
        leave_open(opened("127.0.0.1:0", how={"inherited": [4, 3]}), by_systemd=True)
        names = [socket.socket(fileno=os.dup(number)).getsockname() for number in (3, 4)]
        assert [f"http://{host}:{port}" for host, port in names] == [first.url, second.url]
        assert os.get_inheritable(3)
        assert os.get_inheritable(4)

    assert exit_code(fork(run)) == 0


def given(opened: Opened, *sockets: socket.socket, by_systemd: bool = False) -> dict[str, object]:
    """What is passed to `open_listeners` of a process that inherited these sockets; they are its from now on."""
    return {"inherited": [sock.detach() for sock in sockets], "by_systemd": by_systemd}


def listening(address: str | tuple[str, int]) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    sock.bind(address)
    sock.listen()
    return sock


IGNORED = "Not listening on {}: inherited descriptors were given, which come alone"


def test_what_the_service_manager_gives_comes_alone(opened: Opened):
    sock = listening(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    (listener,) = opened("127.0.0.1:1", "127.0.0.1:2", how=given(opened, sock, by_systemd=True))
    assert listener.url == f"http://127.0.0.1:{port}"
    assert (listener.inherited, listener.is_fixed) == (True, True)
    assert opened.log == [(30, IGNORED.format("127.0.0.1:1, 127.0.0.1:2"))]


def test_the_default_address_is_missed_by_nobody(opened: Opened):
    opened("127.0.0.1:8000", how=given(opened, listening(("127.0.0.1", 0)), by_systemd=True))
    assert opened.log == []


def test_what_the_settings_name_too_is_no_reason_to_warn(opened: Opened, short_directory: str):
    first, second = listening(("127.0.0.1", 0)), listening(f"{short_directory}/s")
    port = first.getsockname()[1]
    bind = (f"localhost:{port}", f"unix:{short_directory}/s")
    listeners = opened(*bind, how=given(opened, second, first))
    assert opened.log == []
    assert [str(listener.address) for listener in listeners] == list(reversed(bind))


def test_any_port_stays_the_port_it_was(opened: Opened):
    (before,) = opened("127.0.0.1:0")
    descriptor = os.dup(before.fileno())
    (after,) = opened("127.0.0.1:0", how={"inherited": [descriptor]})
    assert (str(after.address), after.url, opened.log) == ("127.0.0.1:0", before.url, [])


def test_a_path_is_removed_only_by_the_master_that_is_left(opened: Opened, short_directory: str):
    path = f"{short_directory}/s"
    sock = listening(path)
    (listener,) = opened(f"unix:{path}", how=given(opened, sock))
    listener.unlink()
    assert os.path.exists(path)
    listener.adopt()
    listener.unlink()
    assert not os.path.exists(path)


def test_the_service_managers_path_stays_its_own(opened: Opened, short_directory: str):
    path = f"{short_directory}/s"
    (listener,) = opened(f"unix:{path}", how=given(opened, listening(path), by_systemd=True))
    listener.adopt()
    listener.unlink()
    assert stat.S_ISSOCK(os.stat(path).st_mode)


def test_what_is_no_listening_socket_is_told_in_one_line(opened: Opened):
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    number = sock.fileno()
    assert opened.refused("127.0.0.1:1", how={"inherited": [number]}) == (
        f"fd://{number}: it does not listen; start longma with a listening socket at that number, or bind another "
        "address"
    )
    sock.close()
