"""The configuration files of examples/ are served by the real server, and do what they are there for."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from longma.config.arguments import parse
from longma.config.settings import table
from tests.support.deadlines import until
from tests.support.pages import code_in, rows
from tests.support.paths import ROOT
from tests.support.server import Run, Server

Serve = Callable[..., Server]
EXAMPLES = ROOT / "examples"
APP = "tests.apps.answers"
LEASE = r"Worker (\d+) has GPU (\w+)$"


@pytest.mark.parametrize("file", sorted(EXAMPLES.rglob("longma.conf.py")), ids=lambda file: file.parent.name)
def test_an_example_passes_the_check_and_has_a_test(file: Path):
    run = Run("--check-config", "-c", str(file), APP, cwd=file.parent, env={"PYTHONPATH": str(ROOT)})
    assert (run.status, run.errors) == (0, "")


def test_the_page_has_every_example_and_commands_that_there_are():
    table_of = rows(EXAMPLES / "README.md", "Examples")
    folders = {folder for name, *_ in table_of for folder in code_in(name)}
    assert folders == {path.name for path in EXAMPLES.iterdir() if path.is_dir() and not path.name.startswith("__")}
    for name, _, _, command in table_of:
        program, *words = shlex.split(*code_in(command))
        (folder,) = code_in(name)
        if program == "longma":
            parse(words, table())
        files = [word for word in words if word.endswith((".py", ".ini"))]
        assert [file for file in files if not (EXAMPLES / folder / file).is_file()] == []


def leases(server: Server) -> dict[int, str]:
    """Which worker said last which GPU it has; the living ones only."""
    said = (re.search(LEASE, line) for line in server.errors.so_far())
    taken = {int(found[1]): found[2] for found in said if found}
    return {pid: taken[pid] for pid in server.worker_pids() if pid in taken}


def test_the_gpus_stay_balanced_whoever_is_killed(serve: Serve):
    server = serve(APP, "-c", str(EXAMPLES / "gpu" / "longma.conf.py"), workers=4, env={"GPUS": "a,b,c,d"})
    server.expect("SIGKILL|died right after|killed")
    server.errors.wait(LEASE, count=4)
    chance = random.Random(7)
    for turn in range(10):
        assert Counter(leases(server).values()) == Counter("abcd")
        os.kill(chance.choice(server.worker_pids()), signal.SIGKILL)
        server.errors.wait(LEASE, count=5 + turn)
        until(lambda: len(leases(server)) == 4, "four workers with a GPU each")
    assert Counter(leases(server).values()) == Counter("abcd")


def test_a_reload_gives_each_new_worker_a_gpu(serve: Serve):
    server = serve(APP, "-c", str(EXAMPLES / "gpu" / "longma.conf.py"), workers=4, env={"GPUS": "a,b"})
    server.errors.wait(LEASE, count=4)
    for times in (1, 2):
        before = set(server.worker_pids())
        server.send_signal(signal.SIGHUP)
        server.errors.wait(r"Worker exiting \(pid", count=4 * times)
        until(lambda before=before: not before & set(server.worker_pids()), "the old workers to be gone")
        assert set(leases(server)) == set(server.worker_pids())
        assert Counter(leases(server).values()) == {"a": 2, "b": 2}


def test_logs_are_lines_of_json(serve: Serve):
    server = serve(APP, "-c", str(EXAMPLES / "logging" / "longma.conf.py"), workers=2)
    server.expect("")  # the lines are no records of the usual form
    server.get("/hello", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    line = server.access.wait("/hello")[0]
    assert json.loads(line)
    assert "0af7651916cd43dd8448eb211c80319c" in line
    assert all(json.loads(line) for line in server.errors.so_far())


def test_hooks_around_a_preloaded_application(serve: Serve):
    server = serve(APP, "-c", str(EXAMPLES / "hooks" / "longma.conf.py"), workers=2)
    for _ in range(3):
        assert server.get("/hello").status == 200
    assert server.stop() == 0
    answered = [int(re.findall(r"\d+", line)[-1]) for line in server.errors.so_far() if "answered" in line]
    assert sum(answered) == 3


def test_a_notice_board_tells_everybody_at_once():
    folder = EXAMPLES / "streaming"
    with Server("board:application", "-c", "longma.conf.py", cwd=folder) as server:
        streams = [server.client() for _ in range(300)]
        for stream in streams:
            stream.request("GET", "/events")
        for stream in streams:
            assert stream.read_head().one("Content-Type") == "text/event-stream"
            assert stream.read_chunk() == b": welcome\n\n"
        for words in ("Good morning", "two\nlines"):
            assert server.ask("POST", "/say", body=words.encode()).text == "300\n"
            event = b"".join(b"data: %b\n" % line.encode() for line in words.splitlines()) + b"\n"
            assert {stream.read_chunk() for stream in streams} == {event}
        for stream in streams:
            stream.close()
        # Who has gone is noticed when something is sent there.
        until(lambda: server.ask("POST", "/say", body=b"Anybody?").text == "0\n", "the streams to be over")
