"""The tables of the documents say what the program's own tables say."""

from __future__ import annotations

import signal
from collections.abc import Iterable

from longma.config.later import LATER
from longma.config.option import rows as rows_of
from longma.config.sections.hooks import Hooks
from longma.config.sections.workers import WORKER_CLASSES, WORKER_CLASSES_LATER
from longma.config.settings import table
from longma.master.loop import SIGNALS
from longma.workers.lifecycle import GRACEFUL, QUICK, WITHOUT_MEANING
from tests.support.pages import code_in, rows, section
from tests.support.paths import ROOT
from tests.unit.config.test_gunicorns import DIFFERENT, GUNICORNS

DOCS = ROOT / "docs"


def names(signals: Iterable[int]) -> set[str]:
    return {signal.Signals(number).name.removeprefix("SIG") for number in signals}


def signals_told(heading: str) -> list[str]:
    return [name for row in rows(DOCS / "signals.md", heading) for name in code_in(row[0])]


def test_the_signals_of_the_master():
    told = signals_told("The master")
    assert len(told) == len(set(told))
    assert set(told) == names((*SIGNALS, signal.SIGCHLD))


def test_the_signals_of_a_worker():
    told = signals_told("A worker")
    assert len(told) == len(set(told))
    assert set(told) == names((*GRACEFUL, *QUICK, *WITHOUT_MEANING, signal.SIGABRT, signal.SIGUSR1))


def test_the_hooks_and_their_arguments():
    told = {code_in(row[0])[0]: tuple(code_in(row[1])) for row in rows(DOCS / "hooks.md", "Hooks")}
    assert told == {row.name: row.kind.arguments for row in (*rows_of(Hooks), table()["ssl_context"])}
    assert len(told) == 16


def test_the_defaults_that_differ_from_gunicorns():
    gunicorns = {name: setting.get() for name, setting in GUNICORNS.items()}
    gunicorns["control_socket"] = "$XDG_RUNTIME_DIR/gunicorn.ctl"  # as it depends on who runs it
    told = {code_in(row[0])[0]: (code_in(row[1])[0], code_in(row[2])[0]) for row in rows(GUNICORN, DEFAULTS)}
    ours = {name: row.kind.show(row.default) for name, row in table().items()}
    assert told == {name: (repr(gunicorns[name]), ours[name]) for name in DIFFERENT}


def test_the_settings_without_an_effect():
    told = code_in(section(GUNICORN, "Taken without an effect"))
    assert sorted(told) == sorted(name for name, row in table().items() if row.inert)


def test_the_settings_that_are_refused():
    told = set(code_in(section(GUNICORN, "Refused in this version")))
    classes = {*WORKER_CLASSES, *(f'worker_class = "{name}"' for name in WORKER_CLASSES_LATER)}
    assert told == {later.name for later in LATER} | classes | {"uvicorn_worker.UvicornWorker"}


GUNICORN = DOCS / "from-gunicorn.md"
DEFAULTS = "Defaults that differ"
