"""Finding a worker class by its path, and making sure that it has the contract of Gunicorn's workers.

All this is done by the master before anything is bound, so that a mistake costs a line and not a server.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from longma.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

METHODS: Final = ("init_process", "init_signals", "load_wsgi", "notify", "run")
ARGUMENTS: Final = ("age", "ppid", "sockets", "app", "timeout", "cfg", "log")
# Their `run` only says that a subclass must have one.
BASES: Final = ("longma.workers.base", "gunicorn.workers.base")
GUNICORN: Final = "gunicorn"
ENTRY_POINT: Final = "egg:"
ENTRY_POINTS: Final = "gunicorn.workers"


class WorkerClassError(OperatorError):
    """There is no worker class of this name, or it is none."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        super().__init__(f"worker_class: {name!r} {reason}")


class ForeignClass(NamedTuple):
    """A worker class that serves its sockets itself, and the name that the operator gave it by."""

    name: str
    kind: type[Any]


def foreign(model: object) -> ForeignClass | None:
    """Return what a worker is to run where that is no model of ours."""
    return model if isinstance(model, ForeignClass) else None


def find(name: str, changeable: Sequence[str] = ()) -> ForeignClass:
    """Return the class at `PACKAGE.MODULE.CLASS` or `egg:DISTRIBUTION#NAME`, imported; anew from these directories.

    Raises:
        WorkerClassError: it is not there, or lacks what a worker class has.
    """
    if name.startswith(ENTRY_POINT):
        found = _of_entry_point(name)
    elif "." in name:
        found = _at_path(name, changeable)
    else:
        raise WorkerClassError(name, "is not known")
    if not isinstance(found, type):
        raise WorkerClassError(name, f"is no class but a {type(found).__name__}")
    missing = lacks(found)
    if missing:
        cure = "derive it from longma.workers.base.Worker"
        raise WorkerClassError(name, f"is no worker class: it lacks {', '.join(missing)}; {cure}")
    return ForeignClass(name, found)


def lacks(kind: type[Any]) -> tuple[str, ...]:
    """Return what a class has not of the contract of Gunicorn's workers."""
    missing = tuple(f"{name}()" for name in METHODS if not callable(getattr(kind, name, None)))
    if not missing and getattr(kind.run, "__module__", "") in BASES:
        missing = ("a run() of its own",)
    return missing if _takes_the_arguments(kind) else (*missing, f"an __init__ that takes {', '.join(ARGUMENTS)}")


def _takes_the_arguments(kind: type[Any]) -> bool:
    import inspect  # only servers with such a class need it

    try:
        inspect.signature(kind).bind(*ARGUMENTS)
    except TypeError:
        return False
    except ValueError:  # one that was compiled may not tell
        return True
    return True


def _at_path(name: str, changeable: Sequence[str]) -> Any:
    path, _, attribute = name.rpartition(".")
    module = _imported_anew(name, path) if _may_have_changed(path, changeable) else _imported(name, path)
    try:
        found = getattr(module, attribute)
    except AttributeError:
        raise WorkerClassError(name, f"is not there: {path} has no {attribute!r}") from None
    # What aiohttp shows in the place of a class that it could not make.
    if found is None and not is_installed(GUNICORN):
        raise _needs_gunicorn(name)
    return found


def _may_have_changed(path: str, directories: Sequence[str]) -> bool:
    """Whether a module was imported from one of the site's directories; packages that are installed there are none."""
    module = sys.modules.get(path)
    file = getattr(module, "__file__", None)
    if file is None or path == "__main__":
        return False
    installed = (sys.prefix, sys.base_prefix)
    return any(_is_in(file, place) for place in directories) and not any(_is_in(file, place) for place in installed)


def _is_in(file: str, directory: str) -> bool:
    return os.path.abspath(file).startswith(os.path.join(os.path.abspath(directory), ""))


def _imported_anew(name: str, path: str) -> ModuleType:
    """Import a module a second time, for new workers; where that fails the old one stays what others import."""
    before = sys.modules.pop(path)
    try:
        return _imported(name, path)
    except WorkerClassError:
        sys.modules[path] = before
        raise


def _imported(name: str, path: str) -> ModuleType:
    try:
        __import__(path)
        return sys.modules[path]
    except ImportError as error:
        missing = error.name or ""
        if missing.partition(".")[0] == GUNICORN and not is_installed(GUNICORN):
            raise _needs_gunicorn(name) from None
        if isinstance(error, ModuleNotFoundError) and (path == missing or path.startswith(missing + ".")):
            raise WorkerClassError(name, f"is not there: no module named {missing!r}; is it installed?") from None
        raise _raised(name, path, error) from error
    except (Exception, SystemExit) as error:
        raise _raised(name, path, error) from error


def _raised(name: str, path: str, error: BaseException) -> WorkerClassError:
    words = f": {error}" if str(error) else ""
    return WorkerClassError(name, f"cannot be had: importing {path} failed with {type(error).__name__}{words}")


def _needs_gunicorn(name: str) -> WorkerClassError:
    return WorkerClassError(name, "is made from a class of Gunicorn's, which is not installed: pip install gunicorn")


def _of_entry_point(name: str) -> Any:
    from importlib import metadata  # only servers with such a class need it

    distribution, _, entry = name.removeprefix(ENTRY_POINT).partition("#")
    try:
        offered = metadata.distribution(distribution).entry_points.select(group=ENTRY_POINTS)
    except (metadata.PackageNotFoundError, ValueError):
        raise WorkerClassError(name, f"is not there: the package {distribution!r} is not installed") from None
    for point in offered:
        if point.name == entry:
            _imported(name, point.module)
            return point.load()
    raise WorkerClassError(name, f"is not there: {distribution} offers no worker class {entry!r}")


def is_installed(package: str) -> bool:
    """Whether a package could be imported, without importing it."""
    from importlib.util import find_spec

    return find_spec(package) is not None
