"""What a configuration file sets, which of its names are slips, and how its faults are told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from longma.config import file
from longma.config.layer import Reading
from longma.config.settings import table
from longma.errors import ConfigError


@pytest.fixture(autouse=True)
def import_state() -> Iterator[None]:
    """Leave the import path and the modules as they were found."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def read(directory: Path, source: str, *, name: str = "gunicorn.conf.py") -> Reading:
    (directory / name).write_text(source)
    return file.read(name, str(directory), table())


def fault(directory: Path, source: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(directory, source)
    return str(caught.value)


def test_settings_are_the_files_variables(tmp_path: Path):
    reading = read(tmp_path, "import os\nworkers = 1 + 1\nbind = [':1']\n_hidden = 5\n")
    assert reading.layer.values == {"workers": 2, "bind": [":1"]}
    assert reading.problems == ()
    assert reading.notices == ()


def test_the_source_of_a_value_has_the_line_that_bound_it_last(tmp_path: Path):
    source = "workers = 1\nif True:\n    workers = 2\n\ndef f():\n    workers = 3\nfrom os import sep as wsgi_app\n"
    locate = read(tmp_path, source).layer.locate
    assert str(locate("workers")) == "gunicorn.conf.py, line 3"
    assert str(locate("wsgi_app")) == "gunicorn.conf.py, line 7"
    assert str(locate("bind")) == "gunicorn.conf.py"


@pytest.mark.parametrize(
    "spec", ["conf.py", "./conf.py", "file:conf.py", "{directory}/conf.py", "file:{directory}/conf.py"]
)
def test_a_file_can_be_named_in_several_ways(tmp_path: Path, spec: str):
    (tmp_path / "conf.py").write_text("workers = 3")
    reading = file.read(spec.format(directory=tmp_path), str(tmp_path), table())
    assert reading.layer.values == {"workers": 3}


def test_any_extension_will_do(tmp_path: Path):
    assert read(tmp_path, "workers = 3", name="site.cfg").layer.values == {"workers": 3}


def test_the_file_sees_itself_and_its_directory(tmp_path: Path):
    (tmp_path / "shared_by_both.py").write_text("count = 7")
    source = "import shared_by_both\nworkers = shared_by_both.count\nwsgi_app = __name__ + __file__"
    values = read(tmp_path, source).layer.values
    assert values == {"workers": 7, "wsgi_app": f"__config__{tmp_path}/gunicorn.conf.py"}


def test_a_dataclass_can_be_defined_in_the_file(tmp_path: Path):
    source = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Plan:\n    count: int\nworkers = Plan(2).count\n"
    )
    assert read(tmp_path, source).layer.values == {"workers": 2}


def test_longmas_own_file_comes_before_gunicorns(tmp_path: Path):
    assert file.find(str(tmp_path)) is None
    (tmp_path / "gunicorn.conf.py").touch()
    assert file.find(str(tmp_path)) == "gunicorn.conf.py"
    (tmp_path / "longma.conf.py").touch()
    assert file.find(str(tmp_path)) == "longma.conf.py"


def test_a_module_is_imported_from_the_directory_and_read_again_later(tmp_path: Path):
    (tmp_path / "conf_of_shop.py").write_text("workers = 2\n")
    reading = file.read("python:conf_of_shop", str(tmp_path), table())
    assert reading.layer.values == {"workers": 2}
    assert str(reading.layer.locate("workers")) == "python:conf_of_shop, line 1"
    (tmp_path / "conf_of_shop.py").write_text("timeout = 2\n")
    reading = file.read("python:conf_of_shop", str(tmp_path), table())
    assert reading.layer.values == {"timeout": 2}


def test_a_module_that_fails_when_it_is_read_again_leaves_the_one_before(tmp_path: Path):
    (tmp_path / "conf_of_mill.py").write_text("workers = 2\n")
    file.read("python:conf_of_mill", str(tmp_path), table())
    before = sys.modules["conf_of_mill"]
    (tmp_path / "conf_of_mill.py").write_text("\n1/0\n")
    with pytest.raises(ConfigError, match=r"^python:conf_of_mill, line 2: ZeroDivisionError: division by zero$"):
        file.read("python:conf_of_mill", str(tmp_path), table())
    assert sys.modules["conf_of_mill"] is before


def test_a_file_that_is_read_again_has_forgotten_the_first_time(tmp_path: Path):
    assert read(tmp_path, "workers = 2\n").layer.values == {"workers": 2}
    assert read(tmp_path, "timeout = 3\n").layer.values == {"timeout": 3}
    fault(tmp_path, "1/0")
    assert vars(sys.modules["__config__"])["timeout"] == 3


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("workers = \n", "gunicorn.conf.py, line 1: SyntaxError: invalid syntax"),
        ("a = 1\n\nworkers = nothing\n", "gunicorn.conf.py, line 3: NameError: name 'nothing' is not defined"),
        ("def f():\n  raise ValueError\nf()\n", "gunicorn.conf.py, line 2: ValueError"),
        ("import int('1')", "gunicorn.conf.py, line 1: SyntaxError: "),
        ("\nimport no_such_module_here", "gunicorn.conf.py, line 2: ModuleNotFoundError: No module named"),
        ("import sys\nsys.exit('not today')", "gunicorn.conf.py, line 2: SystemExit: not today"),
        ("raise KeyboardInterrupt", "gunicorn.conf.py, line 1: KeyboardInterrupt"),
        ("import asyncio\nraise asyncio.CancelledError", "gunicorn.conf.py, line 2: CancelledError"),
        ("raise ValueError('two\\nlines')", "gunicorn.conf.py, line 1: ValueError: two lines"),
    ],
)
def test_a_file_that_fails_is_one_line_with_its_place(tmp_path: Path, source: str, words: str):
    assert fault(tmp_path, source).startswith(words)
    assert "__config__" not in sys.modules


def test_a_module_that_fails_has_its_place_too(tmp_path: Path):
    (tmp_path / "broken_conf.py").write_text("\n1/0\n")
    with pytest.raises(ConfigError, match=r"^python:broken_conf, line 2: ZeroDivisionError: division by zero$"):
        file.read("python:broken_conf", str(tmp_path), table())
    with pytest.raises(ConfigError, match=r"^python:absent_conf: ModuleNotFoundError: No module named 'absent_conf'$"):
        file.read("python:absent_conf", str(tmp_path), table())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("absent.py", "absent.py: the configuration file cannot be read: No such file or directory"),
        (".", ".: the configuration file cannot be read: Is a directory"),
        ("file:", "file:: the path is missing; write file:PATH"),
        ("python:", "python:: the module is missing; write python:MODULE"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_to_be_so(tmp_path: Path, spec: str, words: str):
    with pytest.raises(ConfigError) as caught:
        file.read(spec, str(tmp_path), table())
    assert str(caught.value) == words


@pytest.mark.parametrize(
    "source",
    [
        "cores = 4\nworkers = cores * 2",
        "worker = 4\nworkers = worker * 2",
        "def worker(): pass",
        "def post_frok(server, worker): pass\npost_fork = post_frok",
        "def make_settings(): pass",
        "class Workers: pass",
        "from os import path as worker",
        "_worker = 3",
        "worker = object()",
        "worker = 1\ndef f():\n    return worker",
        "worker = 1\nworker += 1",
        "workers = 1\nimport json\nlog_data = {'w': workers}\nprint(json.dumps(log_data))",
    ],
)
def test_a_helper_is_no_slip(tmp_path: Path, source: str):
    reading = read(tmp_path, source)
    assert reading.problems == ()
    assert reading.notices == ()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("\nworker = 4", "gunicorn.conf.py, line 2: unknown setting 'worker'; did you mean 'workers'?"),
        ("timout = None", "gunicorn.conf.py, line 1: unknown setting 'timout'; did you mean 'timeout'?"),
        ("WORKERS = 4", "gunicorn.conf.py, line 1: unknown setting 'WORKERS'; did you mean 'workers'?"),
        ("keep_alive = 4", "gunicorn.conf.py, line 1: unknown setting 'keep_alive'; did you mean 'keepalive'?"),
        (
            "def post_frok(server, worker): pass",
            "gunicorn.conf.py, line 1: unknown setting 'post_frok'; did you mean 'post_fork'?",
        ),
        (
            "on_exits = lambda server: None",
            "gunicorn.conf.py, line 1: unknown setting 'on_exits'; did you mean 'on_exit'?",
        ),
        ("preload = True", "gunicorn.conf.py, line 1: unknown setting 'preload'; did you mean 'preload_app'?"),
        ("max_request = 4", "gunicorn.conf.py, line 1: unknown setting 'max_request'; did you mean 'max_requests'?"),
    ],
)
def test_a_slip_names_the_setting_that_was_meant(tmp_path: Path, source: str, words: str):
    assert [str(problem) for problem in read(tmp_path, source).problems] == [words]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("debug = True", "'debug' is no setting and has no effect"),
        (
            "name = 'shop'",
            "'name' is no setting and has no effect; the setting of --name is called 'proc_name'",
        ),
        (
            "access_logfile = '-'",
            "'access_logfile' is no setting and has no effect; the setting of --access-logfile is called 'accesslog'",
        ),
        ("config = 'x.py'", "config names the file to read and has no effect inside one"),
    ],
)
def test_a_name_without_effect_is_worth_a_notice(tmp_path: Path, source: str, words: str):
    reading = read(tmp_path, source)
    assert reading.problems == ()
    assert reading.notices == (f"gunicorn.conf.py, line 1: {words}",)
    assert reading.layer.values == {}


def test_a_failure_deep_in_an_import_has_both_places(tmp_path: Path):
    (tmp_path / "deep_conf.py").write_text("def count():\n    return {}['workers']\n")
    told = fault(tmp_path, "import deep_conf\n\nworkers = deep_conf.count()\n")
    assert told == f"gunicorn.conf.py, line 3: KeyError: 'workers' ({tmp_path}/deep_conf.py, line 2)"
    (tmp_path / "crooked_conf.py").write_text("\ndef x(:\n")
    told = fault(tmp_path, "import crooked_conf\n")
    assert told == f"gunicorn.conf.py, line 1: SyntaxError: invalid syntax ({tmp_path}/crooked_conf.py, line 2)"
    told = fault(tmp_path, "import json\njson.loads('{')\n")
    assert told.startswith("gunicorn.conf.py, line 2: JSONDecodeError: ")
    assert told.endswith("(char 1)")


def test_what_all_names_are_taken_from_is_a_part_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base_conf.py").write_text(
        "from os import *\nworker = 2\nworkers = worker * 2\nwrokers = 1\ndebug = 1\n"
    )
    reading = read(tmp_path, "from math import *\nfrom base_conf import *\ntimeout = 3\nproces_name = 'x'\n")
    assert reading.layer.values["workers"] == 4
    assert [str(problem) for problem in reading.problems] == [
        "base_conf.py, line 4: unknown setting 'wrokers'; did you mean 'workers'?",
        "gunicorn.conf.py, line 4: unknown setting 'proces_name'; did you mean 'proc_name'?",
    ]
    assert reading.notices == ("base_conf.py, line 5: 'debug' is no setting and has no effect",)
    assert str(reading.layer.locate("workers")) == "base_conf.py, line 3"
    assert str(reading.layer.locate("timeout")) == "gunicorn.conf.py, line 3"


def test_settings_to_come_are_handed_on_whatever_they_hold(tmp_path: Path):
    values = read(tmp_path, "def ssl_context(conf, make): pass\nthreads = 4\nimport json as reload").layer.values
    assert set(values) == {"ssl_context", "threads"}


def test_a_file_may_add_up_a_thousand_terms(tmp_path: Path):
    sums = " + ".join(["cores"] * 1500)
    reading = read(tmp_path, f"cores = 0\nworkers = 2 + {sums}\nworker = 3\n")
    assert reading.layer.values == {"workers": 2}
    assert [str(problem) for problem in reading.problems] == [
        "gunicorn.conf.py, line 3: unknown setting 'worker'; did you mean 'workers'?"
    ]


def test_a_file_without_a_readable_source_still_sets():
    reading = file.sort_names(file.Text("python:frozen"), {"workers": 2, "worker": 3, "debug": 1}, table())
    assert reading.layer.values == {"workers": 2}
    assert [str(problem) for problem in reading.problems] == [
        "python:frozen: unknown setting 'worker'; did you mean 'workers'?"
    ]
