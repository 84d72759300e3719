"""What each option of uWSGI becomes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from longma.config.settings import table
from longma.migrate.__main__ import convert, main
from longma.migrate.direct import ROWS
from longma.migrate.ini import read
from longma.migrate.remarks import MISSING, SETTLED

FILES = Path(__file__).with_name("files")
UNKNOWN = "no option that this tool knows"
# What real sites use, by what was found in their repositories and in the tutorials they follow.
COMMON = (FILES / "common-options.txt").read_text().split()
# All that the program lists itself, but for those that the reader of the file deals with.
ALL = (FILES / "options-of-uwsgi-2.0.30.txt").read_text().split()


def converted(tmp_path: Path, source: str) -> str:
    file = tmp_path / "uwsgi.ini"
    file.write_text(f"[uwsgi]\n{source}\n")
    return convert(str(file))


def settings(page: str) -> dict[str, Any]:
    """What the page sets when it is run as Python; modules it imports are left out."""
    names: dict[str, Any] = {}
    exec(compile(page, "longma.conf.py", "exec"), names)
    return {name: value for name, value in names.items() if name in table()}


def made(tmp_path: Path, source: str) -> dict[str, Any]:
    """The settings a source makes, those left out that stand for uWSGI's defaults."""
    found = settings(converted(tmp_path, f"harakiri = 1\ndisable-logging\n{source}"))
    return {name: value for name, value in found.items() if (name, value) != ("timeout", 1)}


@pytest.mark.parametrize("name", COMMON)
def test_every_common_option_is_known(tmp_path: Path, name: str):
    assert UNKNOWN not in converted(tmp_path, f"{name} = 1")


def test_every_option_of_uwsgi_is_known(tmp_path: Path):
    assert [name for name in ALL if UNKNOWN in converted(tmp_path, f"{name} = 1")] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.names[0])
def test_a_row_names_a_setting(row: Any):
    assert row.setting in table()


def test_a_name_stands_in_one_row_only():
    names = [name for rows in (SETTLED, MISSING) for row in rows for name in row.names.split()]
    direct = [name for row in ROWS for name in row.names]
    assert sorted(set(names)) == sorted(names)
    assert sorted(set(direct)) == sorted(direct)
    assert set(names) & set(direct) == set()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("module = a.b", {"wsgi_app": "a.b:application"}),
        ("module = a.b:c", {"wsgi_app": "a.b:c"}),
        ("module = a.b\ncallable = c", {"wsgi_app": "a.b:c"}),
        ("wsgi = a:make()", {"wsgi_app": "a:make()"}),
        ("wsgi-file = a/b.py", {"wsgi_app": "a.b:application"}),
        ("wsgi-file = /x/b.py\ncallable = c", {"wsgi_app": "b:c", "pythonpath": "/x"}),
        ("wsgi-file = /x/y/b.py\nchdir = /x", {"wsgi_app": "y.b:application", "chdir": "/x"}),
        ("wsgi-file = my-app.py", {}),
        ("module = a:a\nmodule = b:b", {"wsgi_app": "b:b"}),
        ("pythonpath = /a\npp = /b", {"pythonpath": "/a,/b"}),
        ("mount = /=a:b", {"wsgi_app": "a:b"}),
        ("mount = /x=a.py\nenv = K=V", {"wsgi_app": "a:application", "raw_env": ["SCRIPT_NAME=/x", "K=V"]}),
        ("mount = /x=a:b\nmount = /y=c:d", {}),
        ("env = K=V\nenv = L=W", {"raw_env": ["K=V", "L=W"]}),
        ("http = :80", {"bind": [":80"]}),
        ("http-socket = *:80", {"bind": [":80"]}),
        ("http-socket = /a.sock", {"bind": ["unix:/a.sock"], "umask": 0o022}),
        ("http-socket = a.sock\nchmod-socket = 660", {"bind": ["unix:a.sock"], "umask": 0o117}),
        ("http-socket = a.sock\nchmod-socket", {"bind": ["unix:a.sock"], "umask": 0o111}),
        ("chmod-socket = 660\nhttp = :80", {"bind": [":80"]}),
        ("http = :80\nsocket = 127.0.0.1:0", {"bind": [":80"]}),
        ("http = [::1]:80\nsocket = :90", {"bind": ["[::1]:80", "uwsgi://:90"]}),
        ("socket = /a.sock", {"bind": ["uwsgi://unix:/a.sock"], "umask": 0o022}),
        ("socket = :90\nprotocol = http", {"bind": [":90"]}),
        ("socket = :90\nprotocol = fastcgi\nuwsgi-socket = :91", {"bind": ["fastcgi://:90", "uwsgi://:91"]}),
        ("fastcgi-socket = :90\nscgi-socket = /a", {"bind": ["fastcgi://:90", "scgi://unix:/a"], "umask": 0o022}),
        ("shared-socket = :80\nhttp-socket = =0", {"bind": [":80"]}),
        ("http-socket = @abstract", {"bind": ["unix:@abstract"], "umask": 0o022}),
        ("https = :443,a.crt,a.key", {"bind": [":443"], "certfile": "a.crt", "keyfile": "a.key"}),
        (
            "shared-socket = :443\nhttps-socket = =0,a.crt,a.key,ECDHE+AESGCM,!ca.pem\nhttp-socket = :80\nsocket = :90",
            {
                "bind": [":443", "uwsgi://:90"],
                "certfile": "a.crt",
                "keyfile": "a.key",
                "ciphers": "ECDHE+AESGCM",
                "ca_certs": "ca.pem",
                "cert_reqs": 2,
            },
        ),
        (
            "https2 = addr=:443,cert=a.crt,key=a.key,clientca=ca\nsni = b.test b.crt,b.key\nsni = a.test a.crt,a.key",
            {
                "bind": [":443"],
                "certfile": ["a.crt", "b.crt"],
                "keyfile": ["a.key", "b.key"],
                "ca_certs": "ca",
                "cert_reqs": 1,
            },
        ),
        ("https = :443,a.crt\nhttp = :80", {"bind": [":80"]}),
        ("sni = b.test b.crt,b.key\nhttp = :80", {"bind": [":80"]}),
        ("static-map = /s/=/srv/s", {"static": ["/s=/srv/s"], "static_missing": "application"}),
        (
            "static-map2 = /s=/srv\ncheck-static = /pub\nstatic-index = index.html",
            {"static": ["/s=/srv/s", "/=/pub"], "static_missing": "application"},
        ),
        (
            "static-map = /s=/a\nstatic-map = /s=/b\nstatic-map = /robots.txt=/c/robots.txt",
            {"static": ["/s=/a"], "static_missing": "application"},
        ),
        ("static-map = s\nstatic-index = home.html", {}),
        ("static-expires-uri = ^/s/ 86400\nstatic-expires = .* 86400", {"static_max_age": 86400}),
        ("static-expires = /a 1\nstatic-expires = /b 2", {}),
        ("enable-proxy-protocol", {"proxy_protocol": True}),
        ("stats-push = statsd:127.0.0.1:8125,shop", {"statsd_host": "127.0.0.1:8125", "statsd_prefix": "shop"}),
        ("stats-push = carbon:127.0.0.1:2003", {}),
        ("processes = 4", {"workers": 4}),
        ("processes = %k", {"workers": "auto"}),
        ("processes = four", {}),
        (
            "reload-on-rss = 100\nevil-reload-on-rss=200",
            {"max_worker_memory": "100M", "max_worker_memory_hard": "200M"},
        ),
        ("buffer-size = 4096", {}),
        ("buffer-size = 8192", {"limit_request_line": 8192}),
        ("buffer-size = 65535", {"limit_request_line": 65535, "limit_request_field_size": 65535}),
        ("limit-post = 0", {"limit_request_body": 0}),
        ("no-defer-accept", {"defer_accept": False}),
        ("py-autoreload = 2", {"reload": True}),
        ("py-autoreload = 0", {}),
        ("uid = 33\ngid = 33", {"user": "33", "group": "33", "initgroups": True}),
        ("uid = 33\nno-initgroups", {"user": "33"}),
        ("http-keepalive = 30", {"keepalive": 30}),
        ("http-keepalive", {}),
        ("logto = /l", {"errorlog": "/l", "capture_output": True}),
        ("daemonize = /l", {"daemon": True, "errorlog": "/l", "capture_output": True}),
        ("log-syslog = n", {"syslog": True, "syslog_prefix": "n"}),
        ("logto = 1.2.3.4:514", {"syslog": True, "syslog_addr": "udp://1.2.3.4:514"}),
        ("logger = a file:/l", {"errorlog": "/l"}),
        ("log-encoder = json", {"log_format": "json"}),
        ("log-format = [%(ltime)] %(addr) %(wid)", {"access_log_format": "%(t)s %(h)s -"}),
        ("procname-prefix-spaced = shop", {"proc_name": "shop"}),
        ("paste = config:/a.ini", {"paste": "config:/a.ini"}),
    ],
)
def test_options_become_settings(tmp_path: Path, source: str, expected: dict[str, Any]):
    assert made(tmp_path, source) == expected


def test_the_environment_is_asked_when_the_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = "processes = $(N)\nhttp-socket = :$(P)\nmodule = $(M)\nreload-on-rss = $(N)"
    for name, value in (("N", "3"), ("P", "81"), ("M", "shop")):
        monkeypatch.setenv(name, value)
    assert made(tmp_path, source) == {
        "workers": 3,
        "bind": [":81"],
        "wsgi_app": "shop",
        "max_worker_memory": 3 << 20,
    }


def test_requests_are_logged_and_calls_are_not_limited_as_uwsgi_has_it(tmp_path: Path):
    assert settings(converted(tmp_path, "module = a")) == {"wsgi_app": "a:application", "timeout": 0, "accesslog": "-"}
    assert settings(converted(tmp_path, "logto = /l"))["accesslog"] == "/l"
    assert settings(converted(tmp_path, "req-logger = file:/r"))["accesslog"] == "/r"


def test_what_this_version_lacks_is_a_comment(tmp_path: Path):
    page = converted(tmp_path, "gevent = 50\nmodule = a")
    assert "# gevent = 50" in page
    for name in ("worker_class", "worker_connections"):
        refused = f"# {name} = " in page
        assert refused != (name in settings(page))


def test_what_nobody_knows_is_said(tmp_path: Path):
    assert UNKNOWN in converted(tmp_path, "frobnicate = 1")
    assert UNKNOWN not in converted(tmp_path, "base = /srv\nchdir = %(base)")


def test_no_value_leaves_its_comment_or_its_string(tmp_path: Path):
    page = converted(tmp_path, "cron = a\x0bimport\0 os\nmodule = a\"b'c\\\nchdir2 = \u2028x = 1\nenv = A=\"'\\n")
    found = settings(page)
    assert found["wsgi_app"] == "a\"b'c\\:application"
    assert found["raw_env"] == ["A=\"'\\n"]
    assert "x" not in found


@pytest.mark.parametrize("name", ["uwsgi.yaml", "uwsgi.json", "uwsgi.xml"])
def test_other_formats_are_refused_in_a_line(name: str, capsys: pytest.CaptureFixture[str]):
    assert main([name]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.count("\n") == 1
    assert "only ini files are read" in written.err


def test_a_section_may_be_named(tmp_path: Path):
    (tmp_path / "a.ini").write_text("[uwsgi]\nworkers=1\n[two]\nworkers=2\n")
    assert settings(convert(f"{tmp_path}/a.ini:two"))["workers"] == 2


def test_a_file_without_the_section_says_which_it_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "a.ini").write_text("[one]\nworkers=1\n[two]\n")
    assert main([str(tmp_path / "a.ini")]) == 1
    assert "[one], [two]" in capsys.readouterr().err
    (tmp_path / "c.ini").write_text("[\x1b[31m]\n")
    assert main([str(tmp_path / "c.ini")]) == 1
    assert capsys.readouterr().err.endswith("its sections: [\\x1b[31m]\n")
    assert main([str(tmp_path / "b.ini")]) == 1
    assert main([]) == 2


@pytest.mark.parametrize("file", sorted(FILES.glob("*.ini")), ids=lambda file: file.stem)
def test_real_files_make_python(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PORT", "8000")
    monkeypatch.setenv("WORKERS", "2")
    written = convert(str(file))
    assert "wsgi_app" in settings(written)
    # None is lost: each is above the setting that it has become, or has a remark.
    text = file.read_text()
    parts = {part: entries for part, entries in read(text).sections.items() if part and f"[{part}]" not in written}
    names = {entry.name for entries in parts.values() for entry in entries}
    used = {name for name in names if f"%({name}" in text} | {
        "ini",
        "end",
        "endif",
        "endfor",
        "for",
        "for-times",
        "else",
    }
    used |= {name for name in names if name.startswith(("if-", "for-"))}
    assert {name for name in names - used if not re.search(rf"^# {re.escape(name)}\b", written, re.MULTILINE)} == set()


def test_what_the_environment_tells_of_addresses_and_directories_stays_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ADDRESS", ":443")
    monkeypatch.setenv("HOME", "/srv")
    found = made(tmp_path, "https = $(ADDRESS),$(HOME)/a.crt,$(HOME)/a.key\nstatic-map = /s=$(HOME)/s")
    assert (found["bind"], found["certfile"], found["static"]) == ([":443"], "/srv/a.crt", ["/s=/srv/s"])
