"""Magic variables, placeholders, arithmetic, `for` and `if`, as uWSGI does them."""

from __future__ import annotations

import pytest

from longma.migrate.expand import Place, expand, placeholders_used
from longma.migrate.ini import read

PLACE = Place("/etc/uwsgi/vassals/shop.de.ini", "shop.de.ini", "")


def codes(source: str) -> list[str]:
    """`name = code` of each option, the code an expression of Python."""
    return [
        f"{option.name} = {option.value.code}" for option in expand(read(f"[uwsgi]\n{source}").sections["uwsgi"], PLACE)
    ]


def code(value: str, before: str = "") -> str:
    return codes(f"{before}\nx = {value}")[-1].removeprefix("x = ")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("%p", '"/etc/uwsgi/vassals/shop.de.ini"'),
        ("%s", '"shop.de.ini"'),
        ("%n", '"shop.de"'),
        ("%N", '"shop.de"'),
        ("%e", '"ini"'),
        ("%d", '"/etc/uwsgi/vassals/"'),
        ("%c", '"vassals"'),
        ("a%x", '"a"'),
        ("%0%1/%2", '"etc/uwsgi"'),
        ("a%9", '"a"'),
        ("/run/%n.sock", '"/run/shop.de.sock"'),
        ("100%", '"100%"'),
        ("100% %q %% %5", '"100 % "'),
        ("%k", "str(os.cpu_count())"),
        ("%h.log", 'os.uname().nodename + ".log"'),
        ("%v/x", 'os.getcwd() + "/x"'),
        ("$(PORT)", 'os.environ["PORT"]'),
        (":$(PORT)", '":" + os.environ["PORT"]'),
        ("@(/etc/secret)", "pathlib.Path('/etc/secret').read_text().strip()"),
    ],
)
def test_magic_and_the_environment(value: str, expected: str):
    assert code(value) == expected


def test_a_quote_in_the_name_of_a_variable_stays_in_its_string():
    assert code("$(A\"]+__import__('os'))") == "os.environ['A\"]+__import__(\\'os\\''] + \")\""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("%(one)/x", '"/srv/x"'),
        ("%(two)", '"/srv/two"'),
        ("%(later)", '"9"'),
        ("%(nobody)", '"%(nobody)"'),
        ("%(circle)", '"%(circle)"'),
        ("%(n + 3)", '"20"'),
        ("%(n + 3 * 2)", '"40"'),
        ("%(n ++)", '"18"'),
        ("%(n n)", '"1717"'),
        ("%(n / 0)", '"0"'),
        ("%(%k * 2)", "str((os.cpu_count() * 2))"),
        ("%(port + 1)", 'str((int(os.environ["PORT"]) + 1))'),
        ("%(phone)", '"5"'),
    ],
)
def test_placeholders(value: str, expected: str):
    before = "one=/srv\ntwo=%(one)/two\nn=17\none=/second\ncircle=%(circle)\nport=$(PORT)\nset-ph = phone=5"
    whole = codes(f"{before}\nx = {value}\nlater = 9")
    assert next(line for line in whole if line.startswith("x = ")) == f"x = {expected}"


def test_for_repeats_what_follows():
    assert codes("for = 1  2\nsocket = :300%(_)\nendfor\nmaster") == [
        'socket = ":3001"',
        'socket = ":3002"',
        'master = ""',
    ]
    assert codes("for-times = 2\na = %(_)\nend") == ['a = "1"', 'a = "2"']


def test_what_hangs_on_an_if_is_marked():
    source = "[uwsgi]\nif-env = DEBUG\na=1\nelse\nb=2\nendif\nc=3\nif-file = x\nd=%(_)\nendif"
    options = expand(read(source).sections["uwsgi"], PLACE)
    assert [(option.name, option.condition) for option in options] == [
        ("a", "if-env = DEBUG"),
        ("b", "not if-env = DEBUG"),
        ("c", ""),
        ("d", "if-file = x"),
    ]


def test_the_names_that_values_refer_to():
    assert placeholders_used(read("[uwsgi]\na=%(b)/%(c + 1)\n").sections["uwsgi"]) == {"b", "c", "+", "1"}
