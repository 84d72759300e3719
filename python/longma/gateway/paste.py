"""Loading an application by PasteDeploy, from the ini file that the setting `paste` names.

PasteDeploy is an extra: it is imported here and nowhere else, and only when the setting is there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, cast

from longma.errors import ApplicationLoadError, BootError, OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from longma.typing import WSGIApplication

_CURE: Final = 'the setting paste needs PasteDeploy: pip install "longma[paste]"'
_SCHEMES: Final = ("config:", "egg:", "call:")


class PasteMissing(OperatorError):
    """PasteDeploy is not installed, or too broken to be imported."""


def require() -> Callable[..., Any]:
    """Return PasteDeploy's own `loadapp`.

    Raises:
        PasteMissing: it is not there; the message names the command that cures it.
    """
    try:
        from paste.deploy import loadapp  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        missing = "" if (error.name or "").partition(".")[0] == "paste" else f" ({error})"
        raise PasteMissing(_CURE + missing) from None
    return cast("Callable[..., Any]", loadapp)


def load(spec: str, variables: Mapping[str, str] | None = None) -> WSGIApplication:
    """Return the application of an ini file; `enter` has been called.

    Args:
        spec: `PATH[#SECTION]` or a URI of PasteDeploy's (`config:`, `egg:`); the section is `main` unless given.
        variables: values for the section [DEFAULT].

    Raises:
        PasteMissing: PasteDeploy is not installed.
        ApplicationLoadError: the file or the section is not there, or what it gives cannot be called.
        BootError: the application raised; what it raised is the cause.
    """
    loadapp = require()
    path, _, section = spec.partition("#")
    if not path.startswith(_SCHEMES):
        if not os.path.exists(path):
            raise ApplicationLoadError(f"paste: there is no file {path!r} in {os.getcwd()}")
        path = f"config:{path}"
    try:
        found = loadapp(path, name=section or None, relative_to=os.getcwd(), global_conf=dict(variables or {}))
    except LookupError as error:
        if _raised_by_paste(error):
            raise ApplicationLoadError(f"paste: {spec!r}: {error}") from None
        raise _raised(spec, error) from error
    except (Exception, SystemExit) as error:
        raise _raised(spec, error) from error
    if not callable(found):
        raise ApplicationLoadError(f"paste: {spec!r} gives a {type(found).__name__}, not an application")
    return cast("WSGIApplication", found)


def _raised_by_paste(error: BaseException) -> bool:
    """Whether PasteDeploy says itself that a section is missing, rather than the application raising something."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    module = traceback.tb_frame.f_globals.get("__name__", "") if traceback is not None else ""
    return str(module).startswith("paste.deploy")


def _raised(spec: str, error: BaseException) -> BootError:
    words = f": {error}" if str(error) else ""
    return BootError(f"loading {spec!r} by PasteDeploy failed with {type(error).__name__}{words}")
