"""The grammar of the command line: argparse's, with our own words."""

from __future__ import annotations

import argparse

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from longma.config import arguments, usage
from longma.config.settings import table
from longma.errors import UsageError


def values(*words: str) -> dict[str, object]:
    return dict(arguments.parse(words, table()).values)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {}),
        ("app:app", {"wsgi_app": "app:app"}),
        ("-w 2 app -b :1", {"workers": 2, "wsgi_app": "app", "bind": [":1"]}),
        ("-w2 -t.5", {"workers": 2, "timeout": 0.5}),
        ("-w=2", {"workers": 2}),
        ("--workers=2", {"workers": 2}),
        ("--workers 010", {"workers": 10}),
        ("--keep-al 9", {"keepalive": 9.0}),
        ("--chdir=", {"chdir": ""}),
        ("-b a -b b", {"bind": ["a", "b"]}),
        ("-w 1 -w 2", {"workers": 2}),
        ("-w -1", {"workers": -1}),
        ("--access-logfile -", {"accesslog": "-"}),
        ("--no-sendfile --no-defer", {"sendfile": False, "defer_accept": False}),
        ("--limit-request-field_size 9", {"limit_request_field_size": 9}),
        ("--limit-request-field-size 9", {"limit_request_field_size": 9}),
        ("--log-file x", {"errorlog": "x"}),
        ("-- -app", {"wsgi_app": "-app"}),
        ("-DR", {"daemon": True, "enable_stdio_inheritance": True}),
        ("-Dw2", {"daemon": True, "workers": 2}),
        ("-Dw 2", {"daemon": True, "workers": 2}),
        ("-e A=1 --env B=2", {"raw_env": ["A=1", "B=2"]}),
        ("app --proxy-protocol", {"wsgi_app": "app", "proxy_protocol": "auto"}),
        ("--proxy-protocol app", {"proxy_protocol": "auto", "wsgi_app": "app"}),
        ("--proxy-protocol v1 app", {"proxy_protocol": "v1", "wsgi_app": "app"}),
        ("--proxy-protocol=v3 app", {"proxy_protocol": "v3", "wsgi_app": "app"}),
        ("-w auto", {"workers": "auto"}),
        ("--max-worker-memory 1.5K", {"max_worker_memory": 1536}),
    ],
)
def test_a_line_is_read(line: str, expected: dict[str, object]):
    assert values(*line.split()) == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--workes 2", "there is no option --workes; did you mean --workers?"),
        ("--fibers 2", "there is no option --fibers; longma --help lists them all"),
        ("-z", "there is no option -z; longma --help lists them all"),
        ("-wx", "argument -w/--workers: expected a whole number or 'auto', not 'x'"),
        ("--workers 1.5", "argument -w/--workers: expected a whole number or 'auto', not '1.5'"),
        ("--timeout soon", "argument -t/--timeout: expected a number, not 'soon'"),
        ("--workers", "argument -w/--workers: expected one argument"),
        ("--bind --workers 2", "argument -b/--bind: expected one argument"),
        ("--check-config=1", "argument --check-config: takes no value, but was given '1'"),
        ("a b", "'b' is one argument too many: the application is named once, the rest are options"),
        ("--no-s --limit 1", "ambiguous option: --limit could match --limit-request-line, "),
    ],
)
def test_a_line_that_cannot_be_read_is_explained(line: str, words: str):
    with pytest.raises(UsageError) as caught:
        values(*line.split())
    assert str(caught.value).startswith(words)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("line", ["--version", "-v", "--vers", "-w 2 -v --nonsense"])
def test_the_version_is_printed(line: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        values(*line.split())
    assert caught.value.code == 0
    assert capsys.readouterr().out == "longma (version 0.1.0)\n"


def test_help_has_every_section_and_flag(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        values("--help")
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: longma [OPTIONS] [APP_MODULE]\n")
    for section in ("Server socket:", "Worker processes:", "Security:", "Logging:", "Debugging:"):
        assert f"\n{section}\n" in text
    for row in table().values():
        assert all(flag in text for flag in row.cli)
    assert "--dirty-app" not in text
    words = " ".join(text.split())
    assert "[127.0.0.1, ::1]" in words
    assert "[the user who starts longma]" in words
    assert "%(r)s: request line" in words
    assert "No effect: there is one parser, the server's own." in words


def test_a_variable_is_split_as_a_shell_would():
    layer = arguments.parse_variable("X_ARGS", {"X_ARGS": "--bind 'unix:/a b' -w 3"}, table()).layer
    assert layer.values == {"bind": ["unix:/a b"], "workers": 3}
    assert str(layer.locate("workers")) == "X_ARGS"


def test_an_absent_or_empty_variable_says_nothing():
    assert arguments.parse_variable("X_ARGS", {}, table()).layer.values == {}
    assert arguments.parse_variable("X_ARGS", {"X_ARGS": "  "}, table()).layer.values == {}


def test_a_variable_does_not_name_the_application():
    reading = arguments.parse_variable("X_ARGS", {"X_ARGS": "-w 3 shop:app"}, table())
    assert reading.layer.values == {"workers": 3}
    assert reading.notices == ("X_ARGS: the application 'shop:app' has no effect here",)


@pytest.mark.parametrize("text", ["--workers x", "--bind 'unclosed"])
def test_a_mistake_in_a_variable_names_the_variable(text: str):
    with pytest.raises(UsageError, match=r"^X_ARGS: "):
        arguments.parse_variable("X_ARGS", {"X_ARGS": text}, table())


class Refusing(argparse.ArgumentParser):
    """argparse's own parser, raising where it would exit."""

    def error(self, message: str):
        raise UsageError(message)

    def _get_option_tuples(self, option_string: str):
        """What a prefix may stand for: options of ours step aside for Gunicorn's."""
        found = super()._get_option_tuples(option_string)
        return [one for one in found if one[1] not in arguments._STEP_ASIDE] or found


FLAGS = sorted(flag for row in table().values() for flag in row.cli if "field-size" not in flag)
# A prefix, a value, a value that is glued on, a thing that is neither: whatever a person might type.
WORDS = st.one_of(
    st.sampled_from(FLAGS),
    st.builds(
        lambda flag, cut: flag[: 2 + cut], st.sampled_from([f for f in FLAGS if f[1] == "-"]), st.integers(1, 20)
    ),
    st.builds(lambda flag, value: f"{flag}={value}", st.sampled_from(FLAGS), st.sampled_from(["", "1", "a", "-"])),
    st.builds(lambda flag, value: flag[:2] + value, st.sampled_from([f for f in FLAGS if f[1] != "-"]), st.just("3")),
    st.sampled_from(["1", "-1", "-2.5", "0x1", "app:app", "-", "a b", "-a b", "2.5"]),
)


@example(["--log-f", "1"])
@example(["--key=a"])
@given(st.lists(WORDS, max_size=6))
def test_the_grammar_is_argparses(line: list[str]):
    theirs: dict[str, object] | None
    parser = usage.build()
    parser.__class__ = Refusing
    # Gunicorn's options that are still to come are in our reader alone, where they make some prefixes ambiguous.
    for flag in arguments._flags(table()):
        if flag not in parser._option_string_actions:
            parser.add_argument(flag, dest="later", action="store_true")
    try:
        theirs = vars(parser.parse_args(line))
    except UsageError:
        theirs = None
    try:
        ours = values(*line)
    except UsageError:
        ours = None
    assert ours == theirs
