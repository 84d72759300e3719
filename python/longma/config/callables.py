"""Settings that hold code: hooks, and the class of a logger."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from longma.config.option import Kind
from longma.config.parsers import shown, text
from longma.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    HookFunction: TypeAlias = Callable[..., object]

_UNLIMITED: Final = 255
_VARIABLE: Final = 0x04  # CO_VARARGS: the code takes *arguments
_NEVER_RUNS: Final = 0x2A0  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR: a call only makes an object
# What stands for the server's own logger, the one that is used unless another is asked for.
_OWN_LOGGERS: Final = frozenset(
    {
        "simple",
        "gunicorn.glogging.Logger",
        "gunicorn.instrument.statsd.Statsd",
        "longma.logs.Logger",
        "longma.logs.classic.Logger",
    }
)


class Hook(Kind["HookFunction | None"]):
    """The kind of a hook: a function that can be called with these arguments, or `MODULE.FUNCTION`, or None.

    Args:
        arguments: what the hook is given.
        optional: how many of them, from the end, a hook may do without. What is kept always takes all.
    """

    __slots__ = ("arguments", "optional")

    def __init__(self, *arguments: str, optional: int = 0) -> None:
        name = f"function of {' and '.join(arguments) if len(arguments) < 3 else ', '.join(arguments)}"
        super().__init__(name, parse=self._parsed, show=show_callable)
        self.arguments = arguments
        self.optional = optional

    def _parsed(self, value: object) -> HookFunction | None:
        if value is None:
            return None
        function = imported(value) if isinstance(value, str) else value
        if not callable(function):
            raise ValueError(f"be a function, not {shown(function)}")
        if getattr(getattr(function, "__code__", None), "co_flags", 0) & _NEVER_RUNS:
            raise ValueError(
                f"be a plain function: {_name_of(function)} is asynchronous or yields, and would never run"
            )
        least, most = arity(function)
        wanted = len(self.arguments)
        taken = min(most, wanted)
        if taken < wanted - self.optional or least > wanted:
            raise ValueError(f"take {self._spelled()}; {_name_of(function)} {_takes(least, most)}")
        return function if taken == wanted else _with_fewer(function, taken)

    def _spelled(self) -> str:
        wanted = len(self.arguments)
        counts = " or ".join(str(count) for count in range(wanted - self.optional, wanted + 1))
        return f"{counts} argument{'' if counts == '1' else 's'} ({', '.join(self.arguments)})"


def _takes(least: int, most: int) -> str:
    if most < 0:
        return "needs arguments by name"
    if most == _UNLIMITED:
        return f"takes {least} or more"
    return f"takes {least}" if least == most else f"takes {least} to {most}"


def _with_fewer(function: HookFunction, taken: int) -> HookFunction:
    def hook(*arguments: object) -> object:
        return function(*arguments[:taken])

    hook.__name__ = getattr(function, "__name__", hook.__name__)
    hook.__qualname__ = _name_of(function)
    hook.__module__ = getattr(function, "__module__", hook.__module__)
    return hook


def arity(function: Callable[..., object]) -> tuple[int, int]:
    """Return how many positional arguments a callable needs and takes at most; -1 where they alone are not enough.

    A decorator that keeps what it wraps in `__wrapped__` counts as what it wraps. `inspect` is left to whatever is not
    a plain function or method.
    """
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    bound = 1 if getattr(function, "__self__", None) is not None else 0
    plain: Any = getattr(function, "__func__", function)
    code = getattr(plain, "__code__", None)
    if code is None:
        return _arity_by_signature(function)
    least = code.co_argcount - len(getattr(plain, "__defaults__", None) or ()) - bound
    most = _UNLIMITED if code.co_flags & _VARIABLE else code.co_argcount - bound
    required_by_name = set(code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount])
    if required_by_name - set(getattr(plain, "__kwdefaults__", None) or {}):
        return least, -1
    return max(least, 0), most


def _arity_by_signature(function: Callable[..., object]) -> tuple[int, int]:
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 0, _UNLIMITED  # a function of C that does not say
    least = most = 0
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            most = _UNLIMITED
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            most += 1
            least += parameter.default is parameter.empty
    return least, most


def imported(spec: str) -> object:
    """Return what `MODULE.NAME` names.

    Raises:
        ValueError: it names nothing, or its module raised while it was imported.
    """
    module, dot, name = spec.strip().rpartition(".")
    if not dot or not module or not name:
        raise ValueError(f"be written MODULE.NAME, not {shown(spec)}")
    try:
        __import__(module)
    except Interrupted:
        raise
    except BaseException as error:
        words = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"be importable: {module!r} failed with {words}") from error
    try:
        return getattr(sys.modules[module], name)
    except AttributeError:
        from longma.config.nearest import nearest

        near = nearest(name, vars(sys.modules[module]))
        hint = f"; did you mean {near!r}?" if near else ""
        raise ValueError(f"name something that is there: {module} has no {name!r}{hint}") from None


def logger_class(value: object) -> object:
    """Return a class, or a dotted name of one; None for the server's own logger, by whatever name."""
    if value is None:
        return None
    if isinstance(value, type) or callable(value):
        return None if _whole_name(value) in _OWN_LOGGERS else value
    name = text(value)
    if name in _OWN_LOGGERS or not name:
        return None
    if "." not in name and ":" not in name:
        raise ValueError(f"be a class or the dotted name of one, not {shown(name)}")
    return name


def _whole_name(value: object) -> str:
    return f"{getattr(value, '__module__', '')}.{_name_of(value)}"


def _name_of(value: object) -> str:
    return str(getattr(value, "__qualname__", type(value).__qualname__))


def show_callable(value: object) -> str:
    """Write a function as Gunicorn's `--print-config` does."""
    return repr(value) if value is None else f"<{_name_of(value)}()>"


def _show_class(value: object) -> str:
    return repr(value if value is None or isinstance(value, str) else _whole_name(value))


LOGGER_CLASS: Final[Kind[object]] = Kind("class, string or None", parse=logger_class, metavar="CLASS", show=_show_class)
