"""After how many requests a worker goes, and what it says then."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

from longma.config.settings import Settings
from longma.process.tether import Report
from longma.workers.engine import Recycling, requests_allowed


def test_without_a_limit_a_worker_stays():
    assert requests_allowed(Settings()) == sys.maxsize
    assert requests_allowed(Settings({"max_requests_jitter": 10})) == sys.maxsize


def test_the_jitter_is_added_and_both_its_ends_are_drawn():
    settings = Settings({"max_requests": 100, "max_requests_jitter": 2})
    assert {requests_allowed(settings) for _ in range(400)} == {100, 101, 102}
    assert requests_allowed(Settings({"max_requests": 100})) == 100


class Recorder:
    """A log and a tether that remember what they were given."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def info(self, message: str) -> None:
        self.given.append(message)

    def send(self, report: Report, text: str) -> bool:
        self.given.append((report, text))
        return True


def test_the_master_is_asked_for_another_worker():
    recorder: Any = Recorder()
    assignment: Any = SimpleNamespace(common=SimpleNamespace(log=recorder), tether=recorder)
    Recycling(assignment)()
    assert recorder.given == ["Autorestarting worker after current request.", (Report.RECYCLE, "max_requests")]
