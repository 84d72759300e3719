"""The configuration file: Python, executed as the module `__config__`, or a module that can be imported; or TOML.

What a name in one of Python means is decided in `sort_names`; the reasons are in docs/decisions/0002-unknown-names.md.
"""

from __future__ import annotations

import os
import sys
from types import FunctionType, ModuleType, NoneType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from longma.config.layer import Layer, Reading, Source
from longma.config.names import Names, names_in
from longma.config.unknown import flag_hint, nearest_hook, nearest_setting, refused_names
from longma.errors import ConfigError, Interrupted, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from longma.config.option import Option

DEFAULT_NAMES: Final = ("longma.conf.py", "gunicorn.conf.py", "longma.toml")
_PROJECT: Final = "pyproject.toml"
_PROJECT_TABLE: Final = ("tool", "longma")
_MODULE_NAME: Final = "__config__"
_PLAIN: Final = (str, bytes, int, float, bool, list, tuple, dict, set, NoneType)


class Text(NamedTuple):
    """A configuration file that was read: what the operator calls it, and its source (empty when it has none)."""

    label: str
    source: bytes = b""

    def locate(self, name: str) -> Source:
        """Return where the file, or one of those that it takes all names from, gives a name its value."""
        for text, names in parts(self):
            if name in names.lines:
                return Source(text.label, names.lines[name])
        return Source(self.label)


def parts(text: Text) -> Iterator[tuple[Text, Names]]:
    """Yield a file, and those of the site that it takes all names from (`from base import *`), each with its names.

    What such a file reads is a helper, too, and a setting that it gives is found there.
    """
    waiting, seen = [text], set()
    for part in waiting:
        names = names_in(part.source)
        yield part, names
        for module in names.stars:
            path = _file_of(module)
            is_own = module.partition(".")[0] not in sys.stdlib_module_names and path.endswith(".py")
            if is_own and path not in seen and os.path.isfile(path):
                seen.add(path)
                with open(path, "rb") as file:
                    waiting.append(Text(os.path.relpath(path), file.read()))


def find(cwd: str) -> str | None:
    """Return the name of the file to read when none was named, None when there is none either."""
    for name in DEFAULT_NAMES:
        if os.path.isfile(os.path.join(cwd, name)):
            return name
    project = os.path.join(cwd, _PROJECT)
    if not os.path.isfile(project):
        return None
    from longma.config import toml

    return _PROJECT if toml.has_table(project, _PROJECT_TABLE) else None


def read(spec: str, cwd: str, table: Mapping[str, Option[Any]]) -> Reading:
    """Read a configuration file and return what it sets. A second reading finds nothing that only the first one set.

    Args:
        spec: `PATH`, `file:PATH` or `python:MODULE`; a relative path is meant from `cwd`. What ends in `.toml` is TOML.
        cwd: the directory longma was started in. Files may import from it.
        table: the rows by name.

    Raises:
        ConfigError: there is no such file, or it raised; with the line.
    """
    if cwd not in sys.path:
        sys.path.insert(0, cwd)
    if spec.startswith("python:"):
        if spec == "python:":
            raise ConfigError([Problem("the module is missing; write python:MODULE", spec)])
        return sort_names(*_import(spec.removeprefix("python:")), table)
    path = spec.removeprefix("file:")
    if not path:
        raise ConfigError([Problem("the path is missing; write file:PATH", spec)])
    where = os.path.normpath(os.path.join(cwd, path))
    try:
        with open(where, "rb") as file:
            source = file.read()
    except OSError as error:
        raise ConfigError([Problem(f"the configuration file cannot be read: {error.strerror}", path)]) from None
    text = Text(os.path.normpath(path), source)
    if path.endswith(".toml"):
        from longma.config import toml  # few sites have one

        prefix = _PROJECT_TABLE if os.path.basename(path) == _PROJECT else ()
        return toml.read(text.label, source, prefix, table)
    return sort_names(text, _execute(text, where), table)


def sort_names(text: Text, namespace: Mapping[str, object], table: Mapping[str, Option[Any]]) -> Reading:
    """Tell the settings of a file from its helpers and its slips."""
    later = refused_names()
    given: dict[str, object] = {}
    suspects: list[str] = []
    functions: list[str] = []
    notices: list[str] = []
    for name, value in namespace.items():
        if name.startswith("_") or isinstance(value, ModuleType):
            continue
        if name == "config":
            if isinstance(value, str):
                notices.append(f"{text.locate(name)}: config names the file to read and has no effect inside one")
        elif name in table or name in later:
            given[name] = value
        elif type(value) in _PLAIN:
            suspects.append(name)
        elif type(value) is FunctionType and nearest_hook(name, table):
            functions.append(name)
    problems: list[Problem] = []
    # A name that the file itself reads is a helper. One that nothing reads was meant for the server.
    files = [names for _, names in parts(text)] if suspects or functions else []
    for name in (*suspects, *functions):
        is_from_elsewhere = files[0].stars and not any(name in names.lines for names in files)
        if is_from_elsewhere or any(name in names.read for names in files):
            continue
        where = str(text.locate(name))
        near = nearest_setting(name, table) if name in suspects else nearest_hook(name, table)
        if near:
            problems.append(Problem(f"unknown setting {name!r}; did you mean {near!r}?", where))
        else:
            notices.append(f"{where}: {name!r} is no setting and has no effect{flag_hint(name, table)}")
    return Reading(Layer(given, text.locate), tuple(problems), tuple(notices))


def _execute(text: Text, where: str) -> dict[str, object]:
    module = ModuleType(_MODULE_NAME)
    module.__file__ = where
    # Registered because classes look for their module: a dataclass in a configuration file would fail without.
    before = sys.modules.get(_MODULE_NAME)
    sys.modules[_MODULE_NAME] = module
    try:
        exec(compile(text.source, where, "exec", dont_inherit=True), vars(module))
    except Interrupted:
        raise
    except BaseException as error:  # whatever a file raises, KeyboardInterrupt included, is a mistake in it
        _restore(_MODULE_NAME, before)
        raise _failed(text.label, where, error) from error
    return vars(module)


def _import(name: str) -> tuple[Text, dict[str, object]]:
    label = f"python:{name}"
    # Not importlib.reload: it would keep the names that the file no longer has.
    before = sys.modules.pop(name, None)
    writes_bytecode = sys.dont_write_bytecode
    # Bytecode is told from stale bytecode by whole seconds, which is too coarse for one who edits and reloads.
    sys.dont_write_bytecode = True
    try:
        __import__(name)
    except Interrupted:
        raise
    except BaseException as error:
        path = _file_of(name)
        _restore(name, before)
        raise _failed(label, path, error) from error
    finally:
        sys.dont_write_bytecode = writes_bytecode
    source = b""
    if _file_of(name).endswith(".py"):
        with open(_file_of(name), "rb") as file:
            source = file.read()
    return Text(label, source), vars(sys.modules[name])


def _restore(name: str, module: ModuleType | None) -> None:
    """Have the modules as they were before one was read that failed."""
    if module is None:
        sys.modules.pop(name, None)
    else:
        sys.modules[name] = module


def _file_of(name: str) -> str:
    path = getattr(sys.modules.get(name), "__file__", None)
    return path if isinstance(path, str) else name.replace(".", os.sep) + ".py"


def _is_sites_own(path: str) -> bool:
    """Whether an operator would look there for a mistake: not in what Python or a package has brought."""
    library = os.path.dirname(os.__file__)
    return os.path.isabs(path) and not path.startswith(library + os.sep) and "site-packages" not in path


def _failed(label: str, path: str, error: BaseException) -> ConfigError:
    """Return what a file raised as one line: the kind, the message, the line it came from, and the one further down."""
    words = str(error)
    line = 0
    deeper = ""
    traceback = error.__traceback__
    while traceback is not None:
        where = traceback.tb_frame.f_code.co_filename
        if where.endswith(path):
            line, deeper = traceback.tb_lineno, ""
        elif line and _is_sites_own(where):
            deeper = f" ({where}, line {traceback.tb_lineno})"
        traceback = traceback.tb_next
    if isinstance(error, SyntaxError):
        words = error.msg
        if str(error.filename).endswith(path):
            line, deeper = error.lineno or 0, ""
        else:
            deeper = f" ({error.filename}, line {error.lineno})"
    message = f"{type(error).__name__}: {words}{deeper}" if words else f"{type(error).__name__}{deeper}"
    return ConfigError([Problem(" ".join(message.split()), str(Source(label, line)))])
