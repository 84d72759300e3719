"""Finding the application that `MODULE:NAME` or `MODULE:FACTORY(ARGUMENTS)` names.

Two things can go wrong, and operators tell them apart by the exit status: the module is missing or raises while it is
imported (BootError, 3), or it holds no such application (ApplicationLoadError, 4).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from longma.config.nearest import nearest
from longma.config.sections.workers import brings_its_own_http
from longma.errors import ApplicationLoadError, BootError

if TYPE_CHECKING:
    from types import ModuleType, TracebackType

    from longma.config.settings import Settings
    from longma.typing import WSGIApplication

_DEFAULT_NAME: Final = "application"
_USUAL_NAMES: Final[tuple[str, ...]] = ("app", "application", "wsgi", "create_app", "make_app")
_COROUTINE: Final = 0x80  # CO_COROUTINE, the flag of a code object made by `async def`
_GRAMMAR: Final = "write MODULE:NAME or MODULE:FACTORY(ARGUMENTS), where the arguments are plain values"


class Expression(NamedTuple):
    """What follows the colon: a name in the module, and how to call what it stands for, if at all."""

    name: str
    is_call: bool = False
    arguments: tuple[object, ...] = ()
    keywords: tuple[tuple[str, object], ...] = ()


def enter(directory: str) -> None:
    """Change to the directory of the `chdir` setting and import from there first."""
    os.chdir(directory)
    if sys.path[:1] != [directory]:
        sys.path.insert(0, directory)


def application_of(settings: Settings) -> WSGIApplication:
    """Import and return the application of the settings: PasteDeploy's where `paste` names one, else `wsgi_app`.

    With a worker class that brings its own HTTP it is whatever that class can serve, and only called a WSGI one here.

    Raises:
        BootError, ApplicationLoadError: as `load` says.
        PasteMissing: PasteDeploy is wanted and not installed.
    """
    if settings.paste is None:
        return load(settings.wsgi_app or "", of_any_kind=brings_its_own_http(settings.worker_class))
    from longma.config.compatible import Config
    from longma.gateway import paste

    return paste.load(settings.paste, Config(settings).paste_global_conf)


def load(spec: str, *, of_any_kind: bool = False) -> WSGIApplication:
    """Import and return the application; `enter` has been called.

    Args:
        spec: `MODULE[:EXPRESSION]`, divided at the first colon. The expression is a bare name, `application` unless
            given, or a call of one with literal arguments.
        of_any_kind: it need not be a WSGI application.

    Raises:
        BootError: the module is not there, or raised; what it raised, with its traceback, is the cause.
        ApplicationLoadError: the expression cannot be read, or does not give something that can be called.
    """
    module_name, _, text = spec.partition(":")
    expression = read_expression(text or _DEFAULT_NAME)
    module = _imported(module_name, expression.name)
    found = _attribute(module, expression, spec)
    if expression.is_call:
        found = _called(found, expression, spec)
    if found is None:
        raise ApplicationLoadError(f"{spec!r} is None, not an application")
    if not callable(found):
        raise ApplicationLoadError(f"{spec!r} cannot be called: it is a {type(found).__name__}, not an application")
    if not of_any_kind:
        check_kind(found, repr(spec))
    return cast("WSGIApplication", found)


def check_kind(application: object, name: str) -> None:
    """See that the engine can serve this application.

    Raises:
        ApplicationLoadError: it is an ASGI one.
    """
    if _is_asynchronous(application):
        cure = "name a worker class that does, such as uvicorn_worker.UvicornWorker"
        raise ApplicationLoadError(f"{name} is an ASGI application, which this worker class does not serve; {cure}")


def read_expression(text: str) -> Expression:
    """Return what the text after the colon asks for.

    Raises:
        ApplicationLoadError: it is neither a bare name nor a call of one with literal arguments.
    """
    if text.isidentifier():
        return Expression(text)
    # Nearly always a bare name: `ast` and its megabyte are for the other case alone.
    import ast

    try:
        call = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise ApplicationLoadError(f"{text!r} cannot be read; {_GRAMMAR}") from None
    if isinstance(call, ast.Name):
        return Expression(call.id)
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ApplicationLoadError(f"{text!r} is neither a name nor a call of one; {_GRAMMAR}")
    try:
        arguments = tuple(ast.literal_eval(argument) for argument in call.args)
        keywords = tuple((keyword.arg or "", ast.literal_eval(keyword.value)) for keyword in call.keywords)
    except ValueError:
        raise ApplicationLoadError(f"the arguments in {text!r} are no plain values; {_GRAMMAR}") from None
    if any(not name for name, _ in keywords):
        raise ApplicationLoadError(f"{text!r} unpacks a mapping; {_GRAMMAR}")
    return Expression(call.func.id, True, arguments, keywords)


def _imported(name: str, attribute: str) -> ModuleType:
    if not name or any(not part.isidentifier() for part in name.split(".")):
        raise BootError(_advice(name, attribute) or f"{name!r} is no name of a module; {_GRAMMAR}")
    try:
        __import__(name)
        return sys.modules[name]
    except ModuleNotFoundError as error:
        # The module itself, or a package it would be in, is missing. Another one that it wanted to import is its own
        # mistake, and its traceback says where.
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            message = _advice(name, attribute) or _missing(name)
            raise BootError(message) from None
        raise _raised(name, error) from error
    except (Exception, SystemExit) as error:
        raise _raised(name, error) from error


def _advice(name: str, attribute: str) -> str:
    """Return what to write instead of a file's name, "" when it is none."""
    if not name.endswith(".py"):
        return ""
    module = name.removesuffix(".py").removeprefix("./").replace("/", ".")
    there = os.path.exists(name)
    hint = f"did you mean '{module}:{attribute}'?" if there else f"there is no such file in {os.getcwd()} either"
    return f"{name!r} is the name of a file, not of a module; {hint}"


def _missing(name: str) -> str:
    return f"no module named {name!r} in {os.getcwd()} or elsewhere on the import path (see --chdir)"


def _raised(name: str, error: BaseException) -> BootError:
    error.__traceback__ = _without_loader(error.__traceback__)
    words = f": {error}" if str(error) else ""
    return BootError(f"importing {name!r} failed with {type(error).__name__}{words}")


def _without_loader(traceback: TracebackType | None) -> TracebackType | None:
    """Drop the frames of this module and of the import machinery, which say nothing about the application."""
    ours = (__file__, "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")
    while traceback is not None and traceback.tb_frame.f_code.co_filename in ours:
        traceback = traceback.tb_next
    return traceback


def _attribute(module: ModuleType, expression: Expression, spec: str) -> Any:
    try:
        return getattr(module, expression.name)
    except AttributeError:
        pass
    names = [name for name in vars(module) if not name.startswith("_")]
    near = nearest(expression.name, names)
    usual = [name for name in _USUAL_NAMES if name in names]
    likely = [near] if near else usual or [name for name in names if _is_application(vars(module)[name], module)]
    hint = f"; did you mean {' or '.join(f'{module.__name__}:{name}' for name in likely[:3])}?" if likely else ""
    raise ApplicationLoadError(f"{spec!r} is not there: {module.__name__} has no {expression.name!r}{hint}")


def _is_application(value: object, module: ModuleType) -> bool:
    """Whether this looks like what the module is for: callable, no class, and not merely imported from elsewhere."""
    return callable(value) and not isinstance(value, type) and getattr(value, "__module__", None) == module.__name__


def _is_asynchronous(application: Any) -> bool:
    """Whether calling it makes a coroutine: such an application can never answer as PEP 3333 asks."""
    function = application if hasattr(application, "__code__") else type(application).__call__
    return bool(getattr(getattr(function, "__code__", None), "co_flags", 0) & _COROUTINE)


def _called(factory: Any, expression: Expression, spec: str) -> Any:
    if not callable(factory):
        raise ApplicationLoadError(f"{expression.name!r} in {spec!r} is a {type(factory).__name__}, not a factory")
    try:
        return factory(*expression.arguments, **dict(expression.keywords))
    except TypeError as error:
        # Raised by the call itself, not inside the factory: the arguments do not fit it.
        if error.__traceback__ is not None and error.__traceback__.tb_next is None:
            raise ApplicationLoadError(f"{spec!r} does not fit its factory: {error}") from None
        raise _factory_raised(spec, error) from error
    except (Exception, SystemExit) as error:
        raise _factory_raised(spec, error) from error


def _factory_raised(spec: str, error: BaseException) -> BootError:
    error.__traceback__ = _without_loader(error.__traceback__)
    words = f": {error}" if str(error) else ""
    return BootError(f"{spec!r} failed with {type(error).__name__}{words}")
