"""What `ps` and `top` call a process."""

from __future__ import annotations

import sys
from importlib.machinery import ExtensionFileLoader, PathFinder
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import ModuleType

_PACKAGE: Final = "setproctitle"
_COMPILED: Final = "setproctitle._setproctitle"


def set_title(text: str) -> None:
    """Show `text` as the process's command line, where the package setproctitle is installed.

    Does nothing on macOS, where the call is not safe after a fork.
    """
    compiled = None if sys.platform == "darwin" else _compiled_half()
    if compiled is not None:
        # A name from the command line may hold any bytes; the package takes characters.
        compiled.setproctitle(text.encode("utf-8", "backslashreplace").decode())


def _compiled_half() -> ModuleType | None:
    """Return the half of the package that does the work; None where it is not installed.

    The other half would bring the standard library's logging, three megabytes, into every process.
    """
    if _COMPILED in sys.modules:
        return sys.modules[_COMPILED]
    package = PathFinder.find_spec(_PACKAGE)
    if package is None or package.submodule_search_locations is None:
        return None
    spec = PathFinder.find_spec(_COMPILED, package.submodule_search_locations)
    if spec is None or not isinstance(spec.loader, ExtensionFileLoader):
        return None
    try:
        module = spec.loader.create_module(spec)
        spec.loader.exec_module(module)
    except ImportError:
        return None  # it was compiled for another Python
    # Where the application imports the package, it shall have the same one: the title is kept inside it.
    sys.modules[_COMPILED] = module
    return module
