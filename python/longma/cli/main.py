"""The `longma` command: read the settings, then check them, print them or serve.

What goes wrong leaves here as lines that begin with `longma: error:` and as an exit status, never as a traceback, save
the application's own.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from longma import exitcodes
from longma.config.arguments import say
from longma.config.resolve import resolve
from longma.errors import ApplicationError, ConfigError, Interrupted, LongmaError, OperatorError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

    from longma.config.resolve import Resolved
    from longma.config.settings import Settings

_INTERRUPTED: Final = 130  # what a shell makes of SIGINT; before the master has taken signals over
_NO_APPLICATION: Final = "no application was named: write longma MODULE:NAME, or set wsgi_app in the configuration file"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Raises:
        SystemExit: help or the version was asked for and has been printed.
    """
    arguments = sys.argv[1:] if argv is None else argv
    try:
        try:
            resolved = _settings(arguments)
            _print(resolved)
        except BrokenPipeError:  # `longma --help | head` has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still in the buffer
            return exitcodes.OK
        return _obey(resolved)
    except LongmaError as error:
        report(error)
        return error.exit_status
    except KeyboardInterrupt:
        return _INTERRUPTED


def _settings(arguments: Sequence[str]) -> Resolved:
    """Read the settings, telling Ctrl-C from a KeyboardInterrupt that a configuration file raises."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return resolve(arguments, os.environ, start_directory(os.environ))
    signal.signal(signal.SIGINT, _interrupt)
    try:
        return resolve(arguments, os.environ, start_directory(os.environ))
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise Interrupted


def start_directory(environ: Mapping[str, str]) -> str:
    """Return the directory longma was started in, by the name that the shell shows when that leads there too.

    Raises:
        OperatorError: it is there no more.
    """
    try:
        real = os.getcwd()
    except OSError as error:
        raise OperatorError(f"the directory that longma is started in cannot be used: {error.strerror}") from None
    named = environ.get("PWD", "")
    try:
        same = os.path.isabs(named) and os.path.samefile(named, real)
    except OSError:
        same = False
    return named if same else real


def report(error: LongmaError) -> None:
    """Write an error to standard error, a line for each problem; what the application raised comes first, whole."""
    if isinstance(error, ApplicationError) and error.__cause__ is not None:
        import traceback

        traceback.print_exception(error.__cause__)
    for line in str(error).splitlines():
        sys.stderr.write(f"longma: error: {line}\n")


def _print(resolved: Resolved) -> None:
    if resolved.settings.print_config:
        from longma.config import render

        say(render.listing(resolved))


def _obey(resolved: Resolved) -> int:
    settings = resolved.settings
    has_application = settings.wsgi_app is not None or settings.paste is not None
    if settings.check_config or settings.print_config:
        for notice in resolved.notices:
            sys.stderr.write(f"longma: {notice}\n")
        if settings.print_config and not settings.check_config and not has_application:
            return exitcodes.OK
    if not has_application:
        raise ConfigError([Problem(_NO_APPLICATION)])
    if settings.check_config or settings.print_config:
        return _check_application(settings)
    from longma.master import arbiter

    return arbiter.run(resolved)


def _check_application(settings: Settings) -> int:
    """Load worker class and application as a worker would."""
    from longma.gateway import loader
    from longma.workers.rehearsal import rehearse

    try:
        for warning in rehearse(settings, lambda: loader.application_of(settings)):
            sys.stderr.write(f"longma: {warning}\n")
    except LongmaError as error:
        report(error)
        return exitcodes.CONFIG
    return exitcodes.OK
