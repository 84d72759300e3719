"""Python sources as data: what a file imports, wherever in it the import stands."""

from __future__ import annotations

import ast
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from tests.support.paths import PACKAGE


class Import(NamedTuple):
    """One module that a file imports, by its whole name, and the line it does so on."""

    module: str
    line: int


def module_name(path: Path, package: Path = PACKAGE) -> str:
    """The file's whole name, `longma.config.option`; a folder's front keeps its last part, `longma.config.__init__`."""
    return ".".join([package.name, *path.relative_to(package).with_suffix("").parts])


def parsed(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(), filename=str(path))


def imports(tree: ast.Module, name: str, modules: Collection[str]) -> list[Import]:
    """Everything the module called `name` imports: at its top, lazily in functions, or for the type checker only.

    Args:
        tree: the module's syntax tree.
        name: its whole name, which relative imports start from.
        modules: every module there is: `from a import b` imports a.b when that is one of them, and else a.
    """
    found: list[Import] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = name.split(".")[: -node.level]
                base = ".".join([*above, base] if base else above)
            names = [f"{base}.{alias.name}" for alias in node.names]
            found += [Import(whole if whole in modules else base, node.lineno) for whole in names]
    return found
