"""No mutable state at module level, and no work at import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import PACKAGE, python_sources, shown
from tests.support.sources import module_name, parsed

MUTABLE_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp)
# What a module may call to make its constants: each gives something immutable, or a type.
CONSTANT_MAKERS = frozenset(
    {"frozenset", "tuple", "range", "bytes", "str", "int", "float", "option", "NewType", "TypeVar", "ParamSpec"}
    | {"MappingProxyType", "Struct", "compile", "struct.calcsize", "namedtuple", "NamedTuple", "section", "cast"}
    | {"object", "len", "sum", "min", "max", "sorted", "join", "encode", "strip", "split", "maketrans"}
)
NAMES_OF_THE_LANGUAGE = frozenset({"__all__", "__slots__"})


def statements_at_import(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that run when the module is imported, class bodies included."""
    found: list[ast.stmt] = []
    for node in body:
        if isinstance(node, ast.ClassDef):
            found += statements_at_import(node.body)
        elif isinstance(node, ast.If | ast.Try):
            found += statements_at_import(node.body) + statements_at_import(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(node)
    return found


def called_name(call: ast.Call) -> str:
    """The last part of what is called: `option`, `compile` of `re.compile`."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else "?"


def mutable_parts(value: ast.expr) -> list[str]:
    """What in a constant's value could be changed later, or does work; the arguments of a maker are its own."""
    if isinstance(value, MUTABLE_DISPLAYS):
        return [type(value).__name__]
    if isinstance(value, ast.Call):
        name = called_name(value)
        return [] if name in CONSTANT_MAKERS or name[:1].isupper() else [f"a call of {name}"]
    if isinstance(value, ast.Lambda):
        return []
    if isinstance(value, ast.Subscript):
        return mutable_parts(value.value)  # the list in Callable[[int], str] is the grammar's
    return [
        part for child in ast.iter_child_nodes(value) if isinstance(child, ast.expr) for part in mutable_parts(child)
    ]


def faults(tree: ast.Module) -> list[str]:
    """Everything in the module that keeps state or works at import, as `line: what`."""
    found = [
        f"{node.lineno}: global {', '.join(node.names)}" for node in ast.walk(tree) if isinstance(node, ast.Global)
    ]
    for node in statements_at_import(tree.body):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = {target.id for target in targets if isinstance(target, ast.Name)}
            if node.value is not None and not named <= NAMES_OF_THE_LANGUAGE:
                found += [f"{node.lineno}: {part}" for part in mutable_parts(node.value)]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        elif not isinstance(node, ast.Import | ast.ImportFrom | ast.Pass | ast.Assert | ast.Raise):
            found.append(f"{node.lineno}: {type(node).__name__} runs at import")
    return found


def is_door(path: Path) -> bool:
    """`__main__` is the one module that is there to work when it is imported."""
    return path == PACKAGE / "__main__.py"


def test_no_module_keeps_state_or_works_at_import():
    found = [
        f"{shown(path)}:{fault}" for path in python_sources() if not is_door(path) for fault in faults(parsed(path))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "CACHE = {}",
        "SEEN: set[str] = set()",
        "NAMES = [name for name in 'ab']",
        "PAIRS = (1, [2])",
        "def f():\n    global G\n    G = 1",
        "class A:\n    shared = []",
        "print('hello')",
        "for name in (): pass",
        "handle = open('x')",
        "if True:\n    CACHE = dict()",
    ],
)
def test_state_and_work_are_seen(text: str):
    assert faults(ast.parse(text)) != []


@pytest.mark.parametrize(
    "text",
    [
        '"""Words."""',
        "NAMES = ('a', 'b')",
        "KNOWN = frozenset({'a', 'b'})",
        "LINE = re.compile('a')",
        "class A(Enum):\n    ONE = 1",
        "backlog: int = option(2048, cli=('--backlog',))",
        "def f(names: list[str] = ()):\n    names = []\n    return names",
        "__all__ = ['a']",
        "TABLE = MappingProxyType({'a': 1})",
    ],
)
def test_constants_are_not_state(text: str):
    assert faults(ast.parse(text)) == []


WATCHED_IMPORT = """
import importlib, sys
events = ("socket.", "subprocess.", "os.fork", "os.system", "os.exec", "os.remove", "os.mkdir", "os.kill", "signal.")

def watch(event, arguments):
    if event.startswith(events) or (event == "open" and arguments[1] not in ("r", "rb", None)):
        sys.exit(f"{event} {arguments!r}")

sys.addaudithook(watch)
importlib.import_module(sys.argv[1])
import threading
if threading.active_count() != 1:
    sys.exit("a thread was started")
"""


def test_importing_a_module_touches_nothing():
    names = [module_name(path).removesuffix(".__init__") for path in python_sources() if not is_door(path)]
    touched = {}
    for name in names:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", WATCHED_IMPORT, name], capture_output=True, text=True, check=False
        )
        if done.returncode:
            touched[name] = done.stderr
    assert touched == {}
