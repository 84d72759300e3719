"""Settings that a program gives, and what they win and lose against."""

from __future__ import annotations

from pathlib import Path

import pytest

from longma.config.given import Given
from longma.config.resolve import resolve
from longma.errors import ConfigError


def test_a_program_s_settings_win_and_its_defaults_lose(tmp_path: Path):
    (tmp_path / "longma.conf.py").write_text("workers = 3\ntimeout = 4\nkeepalive = 5\n")
    given = Given({"keepalive": 6}, {"workers": 8, "backlog": 9})
    resolved = resolve(["--timeout", "7"], {"WEB_CONCURRENCY": "2"}, str(tmp_path), given)
    settings = resolved.settings
    assert (settings.workers, settings.timeout, settings.keepalive, settings.backlog) == (3, 7.0, 6.0, 9)
    assert str(resolved.source_of("keepalive")) == "the program"
    assert resolve(*resolved.invocation).settings == settings
    # A variable of its own is but another default.
    assert resolve([], {"PORT": "5000"}, str(tmp_path), Given(defaults={"bind": "[::1]:80"})).settings.bind == (
        "[::1]:80",
    )


def test_alone_it_reads_no_file_and_no_arguments(tmp_path: Path):
    (tmp_path / "longma.conf.py").write_text("workers = 3\n")
    environ = {"WEB_CONCURRENCY": "2", "GUNICORN_CMD_ARGS": "--timeout 9"}
    settings = resolve(["--backlog", "7", "--strange"], environ, str(tmp_path), Given(alone=True)).settings
    assert (settings.workers, settings.timeout, settings.backlog) == (2, 30.0, 2048)


def test_alone_it_reads_the_file_that_it_names(tmp_path: Path):
    (tmp_path / "other.conf.py").write_text("workers = 3\n")
    given = Given({"config": "other.conf.py"}, alone=True)
    assert resolve((), {}, str(tmp_path), given).settings.workers == 3


def test_all_mistakes_are_told(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        resolve((), {}, str(tmp_path), Given({"workrs": 1}, {"strange": 1, "dirty_apps": ["a:b"]}, alone=True))
    assert str(caught.value).splitlines() == [
        "the program: unknown setting 'strange'",
        "the program: unknown setting 'workrs'; did you mean 'workers'?",
        "the program: dirty_apps is not supported: longma has no pool for long tasks; use a task queue",
    ]
