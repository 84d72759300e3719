"""Settings in TOML: what is read, and the line of each mistake."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from longma.config import file, toml
from longma.config.layer import Reading
from longma.config.resolve import resolve
from longma.config.settings import table
from longma.errors import ConfigError


@pytest.fixture(autouse=True)
def import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


def read(source: str, label: str = "longma.toml") -> Reading:
    prefix = ("tool", "longma") if "pyproject" in label else ()
    return toml.read(label, source.encode(), prefix, table())


def fault(source: str, label: str = "longma.toml") -> str:
    with pytest.raises(ConfigError) as caught:
        read(source, label)
    return str(caught.value)


def test_settings_are_the_files_keys():
    reading = read("workers = 2\nbind = [':1', ':2']\ntimeout = 0.5\nsecure_scheme_headers = { X-A = 'on' }\n")
    assert reading.layer.values == {
        "workers": 2,
        "bind": [":1", ":2"],
        "timeout": 0.5,
        "secure_scheme_headers": {"X-A": "on"},
    }
    assert reading.problems == ()
    assert reading.notices == ()


def test_in_a_project_they_have_a_table_of_their_own():
    source = "[project]\nname = 'shop'\n[tool.longma]\nworkers = 2\n[tool.other]\nworkers = 3\n"
    assert read(source, "pyproject.toml").layer.values == {"workers": 2}
    locate = read("[tool]\nlongma = {workers = 2}\n", "pyproject.toml").layer.locate
    assert str(locate("workers")) == "pyproject.toml, line 2"
    assert fault("tool.longma = 3", "pyproject.toml") == "pyproject.toml: tool.longma must be a table"


LINES = '''\
# workers = 1
proc_name = """
workers = 2
"""
workers = 3
"timeout" = 4
access_log_format = \'\'\'a
backlog = 1\'\'\'
bind = [
  "backlog = 2",
]
backlog = 5
raw_env = ["""x=1"""]
umask = 0o22
secure_scheme_headers.X-A = "on"

[logconfig_dict]
keepalive = 5
[logconfig_dict.formatters]
version = 1
'''


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("proc_name", 2),
        ("workers", 5),
        ("timeout", 6),
        ("access_log_format", 7),
        ("bind", 9),
        ("backlog", 12),
        ("umask", 14),
        ("secure_scheme_headers", 15),
        ("logconfig_dict", 17),
        ("keepalive", 0),
    ],
)
def test_a_key_is_found_by_its_line(name: str, line: int):
    assert read(LINES).layer.locate(name).line == line


def test_in_a_project_only_the_own_table_counts():
    source = "[tool.a]\nworkers = 1\n[ tool . 'longma' ]\nworkers = 2\n[tool.longma.logconfig_dict]\nversion = 1\n"
    locate = read(source, "pyproject.toml").layer.locate
    assert str(locate("workers")) == "pyproject.toml, line 4"
    assert str(locate("logconfig_dict")) == "pyproject.toml, line 5"


def test_every_unknown_name_is_a_mistake():
    source = "worker = 2\nmax-requests = 5\ndebug = true\naccess_logfile = '-'\n[tools]\na = 1\n[tool.longma]\nb = 1\n"
    assert [str(problem) for problem in read(source).problems] == [
        "longma.toml, line 1: unknown setting 'worker'; did you mean 'workers'?",
        "longma.toml, line 2: unknown setting 'max-requests'; did you mean 'max_requests'?",
        "longma.toml, line 3: unknown setting 'debug'",
        "longma.toml, line 4: unknown setting 'access_logfile'; the setting of --access-logfile is called 'accesslog'",
        "longma.toml, line 5: unknown setting 'tools'",
        "longma.toml, line 7: unknown setting 'tool'; settings stand at the top of this file, in no table",
    ]


def test_the_name_of_the_file_has_no_effect_inside():
    reading = read("\nconfig = 'x.toml'")
    assert reading.notices == ("longma.toml, line 2: config names the file to read and has no effect inside one",)
    assert reading.layer.values == {}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("workers = \n", "longma.toml, line 1: this is no TOML: Invalid value"),
        ("a = 1\n\nworkers == 3\n", "longma.toml, line 3: this is no TOML: Invalid value"),
        ("workers = 1\nworkers = 2\n", "longma.toml, line 2: this is no TOML: Cannot overwrite a value"),
    ],
)
def test_what_is_no_toml_has_its_line(source: str, words: str):
    assert fault(source) == words


def test_what_is_nested_too_deeply_is_refused():
    assert fault("a = " + "[" * 5000 + "]" * 5000).startswith("longma.toml: this is ")


def test_a_project_that_is_named_has_the_table():
    with pytest.raises(ConfigError, match=r"^pyproject.toml: there is no table \[tool.longma\]$"):
        toml.read("pyproject.toml", b"[project]\nname = 'shop'\n", ("tool", "longma"), table())


def test_the_mark_that_some_editors_put_first_counts_for_nothing():
    assert toml.read("a.toml", b"\xef\xbb\xbfworkers = 2\n", (), table()).layer.values == {"workers": 2}


def test_other_encodings_are_refused():
    with pytest.raises(ConfigError, match=r"^a.toml, line 2: TOML must be UTF-8$"):
        toml.read("a.toml", b"a = 1\nb = '\xff'\n", (), table())


def test_without_a_parser_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    for name in ("tomllib", "tomli"):
        monkeypatch.setitem(sys.modules, name, None)
    assert fault("a = 1") == 'longma.toml: reading TOML needs Python 3.11 or later, or tomli: run pip install "tomli"'


@pytest.mark.parametrize(
    ("source", "ours"),
    [
        ("[tool.longma]\n", True),
        ("[project]\n  [ tool . longma ] # ours\n", True),
        ("[tool.'longma']\n", True),
        ("[tool.longma.logconfig_dict]\n", True),
        ("[tool]\nlongma = {workers = 2}\n", True),
        ("tool.longma.workers = 2\n", True),
        ("[tool.longma\nworkers = 2\n", True),
        ("[project]\ndependencies = ['longma']\n", False),
        ("[tool.longmatch]\n", False),
        ("[tool.ours]\nuse = 'longma'\n", False),
        ("# [tool.longma]\n", False),
        ("this is \xff no TOML", False),
    ],
)
def test_a_project_is_ours_by_its_table(tmp_path: Path, source: str, ours: bool):
    (tmp_path / "pyproject.toml").write_text(source, encoding="latin-1")
    assert toml.has_table(str(tmp_path / "pyproject.toml"), ("tool", "longma")) is ours
    assert file.find(str(tmp_path)) == ("pyproject.toml" if ours else None)


def test_the_first_file_that_is_there_is_read(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text("[tool.longma]\nworkers = 4\n")
    assert resolve([], {}, str(tmp_path)).settings.workers == 4
    (tmp_path / "longma.toml").write_text("workers = 3\n")
    assert resolve([], {}, str(tmp_path)).settings.workers == 3
    (tmp_path / "gunicorn.conf.py").write_text("workers = 2\n")
    assert resolve([], {}, str(tmp_path)).settings.workers == 2
    assert resolve(["-c", "file:longma.toml"], {}, str(tmp_path)).settings.workers == 3
    assert resolve(["-c", "./pyproject.toml"], {}, str(tmp_path)).settings.workers == 4


def test_all_mistakes_are_told_at_once(tmp_path: Path):
    (tmp_path / "longma.toml").write_text(
        "worker = 1\nworkers = 'many'\n[logconfig_dict]\nversion = 1\n[keepalive]\nsince = 1979-05-27\n"
    )
    with pytest.raises(ConfigError) as caught:
        resolve([], {}, str(tmp_path))
    assert str(caught.value).splitlines() == [
        "longma.toml, line 1: unknown setting 'worker'; did you mean 'workers'?",
        "longma.toml, line 2: workers must be a whole number, 0 or more, or 'auto', not 'many'",
        (
            "longma.toml, line 5: keepalive must be a number of seconds, 0 or more, "
            "not {'since': datetime.date(1979, 5, 27)}"
        ),
    ]


def test_a_hook_is_a_dotted_name(tmp_path: Path):
    (tmp_path / "hooks_of_toml.py").write_text("def post_fork(server, worker):\n    return worker\n")
    (tmp_path / "longma.toml").write_text("post_fork = 'hooks_of_toml.post_fork'\n")
    hook = resolve([], {}, str(tmp_path)).settings.post_fork
    assert hook is not None
    assert hook(1, 2) == 2
    del sys.modules["hooks_of_toml"]
