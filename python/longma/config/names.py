"""What the source of a configuration file assigns and what it reads, by line.

Only asked for when something about a file has to be reported: the file is parsed a second time for it. The nodes come
straight from the compiler, since the `ast` module would add its own weight to every process.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

_ONLY_AST: Final = 0x400  # ast.PyCF_ONLY_AST
_SCOPES: Final = frozenset({"FunctionDef", "AsyncFunctionDef", "ClassDef", "Lambda"})


class Names(NamedTuple):
    """The names of a module: the line that binds each one last, at module level, and those that are read anywhere.

    Attributes:
        stars: The modules that all names are taken from (`from base import *`).
    """

    lines: dict[str, int]
    read: set[str]
    stars: list[str]


def names_in(source: bytes) -> Names:
    """Return the names of a module's source, none when it cannot be parsed."""
    names = Names({}, set(), [])
    try:
        tree = compile(source, "<configuration>", "exec", _ONLY_AST)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return names
    # Not by recursion: what a file adds up in a thousand terms is a thousand deep.
    waiting: list[tuple[Any, bool]] = [(tree, True)]
    while waiting:
        node, at_module_level = waiting.pop()
        _note(node, names, at_module_level=at_module_level)
        inside = at_module_level and type(node).__name__ not in _SCOPES
        for field in node._fields:
            value = getattr(node, field, None)
            children = value if isinstance(value, list) else (value,)
            waiting += [(child, inside) for child in children if hasattr(child, "_fields")]
    return names


def _note(node: Any, names: Names, *, at_module_level: bool) -> None:
    kind = type(node).__name__
    if kind == "Name":
        if type(node.ctx).__name__ == "Load":
            names.read.add(node.id)
        elif at_module_level:
            _bind(names, node.id, node.lineno)
    elif at_module_level and kind in ("FunctionDef", "AsyncFunctionDef", "ClassDef"):
        _bind(names, node.name, node.lineno)
    elif at_module_level and kind == "ImportFrom" and node.names[0].name == "*":
        names.stars.append(node.module or "")
    elif at_module_level and kind == "alias":
        _bind(names, (node.asname or node.name).partition(".")[0], node.lineno)
    elif kind == "AugAssign" and type(node.target).__name__ == "Name":
        names.read.add(node.target.id)


def _bind(names: Names, name: str, line: int) -> None:
    names.lines[name] = max(line, names.lines.get(name, 0))
