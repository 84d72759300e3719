"""Gunicorn's application classes, for programs that have Gunicorn in them: only their import line changes.

`from gunicorn.app.base import BaseApplication` becomes `from longma.app.gunicorn import BaseApplication`, and likewise
for `Application` and for `WSGIApplication`.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

from longma import exitcodes
from longma.app import embed
from longma.config import arguments
from longma.config.compatible import Config
from longma.config.given import Given, unknown
from longma.config.sections.workers import brings_its_own_http
from longma.config.settings import Settings, table
from longma.config.unknown import refused_names
from longma.errors import BootError, ConfigError, LongmaError, OperatorError, Problem
from longma.gateway import loader, paste
from longma.workers.rehearsal import rehearse

if TYPE_CHECKING:
    from longma.config.resolve import Resolved
    from longma.typing import WSGIApplication as WSGIApplicationObject


class EditableConfig(Config):
    """What a program has as `self.cfg`: Gunicorn's settings, which `load_config` may set."""

    __slots__ = ("_given",)

    _given: dict[str, object]

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings or Settings())
        object.__setattr__(self, "_given", {})

    @property
    def given(self) -> dict[str, object]:
        """What was set, as it was given."""
        return dict(self._given)

    def set(self, name: str, value: object) -> None:
        """Set one setting.

        Raises:
            AttributeError: there is no such setting.
            ValueError: it cannot have this value.
        """
        rows = table()
        name = name.lower()
        if name not in rows and name not in refused_names():
            raise AttributeError(unknown(name, rows))
        if name in rows:
            try:
                checked = rows[name].kind.parse(value)
            except ValueError as error:
                raise ValueError(f"{name} must {error}") from None
            object.__setattr__(self, "_settings", Settings({**self._settings.as_mapping(), name: checked}))
        self._given[name] = value

    def __setattr__(self, name: str, value: object) -> None:
        self.set(name, value)


class BaseApplication:
    """A program that serves an application which it makes itself; `load_config` and `load` are its own.

    Attributes:
        usage: what the program says of its command line.
        prog: the program's name.
        cfg: the settings.
        callable: the application, None until it is loaded.
        logger: None.
    """

    _reads_command_line = False

    def __init__(self, usage: str | None = None, prog: str | None = None) -> None:
        self.usage = usage
        self.prog = prog
        self.cfg = EditableConfig()
        self.callable: Any = None
        self.logger: Any = None
        self._defaults: dict[str, object] = {}
        self.do_load_config()

    def do_load_config(self) -> None:
        """Begin with the defaults, and let the program set the rest.

        Raises:
            SystemExit: what it sets cannot be; that was told.
        """
        try:
            self._read_config()
        except LongmaError as error:
            refuse(error)

    def _read_config(self) -> None:
        """Begin with the defaults, and let the program set the rest.

        Raises:
            LongmaError: what it sets cannot be.
        """
        try:
            self.load_default_config()
            self.load_config()
        except (AttributeError, TypeError, ValueError) as error:
            raise ConfigError([Problem(str(error), type(self).__name__)]) from error

    def load_default_config(self) -> None:
        self.cfg = EditableConfig(embed.settled(Given(alone=True)).settings)

    def load_config(self) -> None:
        """Set what the program wants, by `self.cfg.set(name, value)`; to be written by the program."""
        raise NotImplementedError(f"{type(self).__name__} has no load_config()")

    def load(self) -> WSGIApplicationObject:
        """Return the application; to be written by the program. Called in each worker, save with `preload_app`."""
        raise NotImplementedError(f"{type(self).__name__} has no load()")

    def reload(self) -> None:
        self.do_load_config()

    def wsgi(self) -> Any:
        """Return the application, loaded by the first call."""
        if self.callable is None:
            self.callable = self.load()
        return self.callable

    def run(self) -> None:
        """Serve, and end the program with the server.

        Raises:
            SystemExit: always.
        """
        try:
            resolved = embed.settled(self._given(), sys.argv[1:])
            if resolved.settings.check_config or resolved.settings.print_config:
                self._check(resolved)
            else:
                embed.run(resolved, load=self._loaded)
        except LongmaError as error:
            refuse(error)
        sys.exit(0)

    def _check(self, resolved: Resolved) -> None:
        """Show the settings, if that is wanted, and load what a worker would.

        Raises:
            SystemExit: the application cannot be had; that was told.
            LongmaError: anything else that a worker needs cannot be had.
        """
        if resolved.settings.print_config:
            from longma.config import render

            sys.stdout.write(render.listing(resolved))
        notices = list(resolved.notices)
        try:
            notices += rehearse(resolved.settings, self._loaded)
        except BootError as error:
            import traceback

            traceback.print_exception(error.__cause__)
            sys.stderr.write(f"longma: error: {error}\n")
            sys.exit(exitcodes.CONFIG)
        for notice in notices:
            sys.stderr.write(f"longma: {notice}\n")

    def _given(self) -> Given:
        return Given(self.cfg.given, self._defaults, alone=not self._reads_command_line, again=self._given_again)

    def _given_again(self) -> Given:
        """Return what `load_config` sets now, for a reload; where it fails all stays as it was.

        Raises:
            LongmaError: it fails.
        """
        before = self.cfg, self._defaults
        try:
            self._read_config()
        except BaseException as error:
            self.cfg, self._defaults = before
            if isinstance(error, (LongmaError, KeyboardInterrupt)):
                raise
            words = f"load_config() of {type(self).__name__} failed with {type(error).__name__}: {error}"
            raise OperatorError(words) from error
        return self._given()

    def _loaded(self) -> WSGIApplicationObject:
        """Return the application, with the worker's own words where it cannot be had.

        Raises:
            ApplicationError: `load` failed.
        """
        try:
            application: WSGIApplicationObject = self.wsgi()
        except (LongmaError, SystemExit):
            raise
        except Exception as error:
            raise BootError(f"load() of {type(self).__name__} failed with {type(error).__name__}: {error}") from error
        return application


class Application(BaseApplication):
    """A program with longma's command line and configuration files, and an application that it makes itself."""

    def load_config(self) -> None:
        """Take from the command line and the files what they say, over what `init` returns."""
        self._reads_command_line = True
        words = arguments.parse(sys.argv[1:], table()).values
        opts = SimpleNamespace(**{name: words.get(name) for name in (*table(), *refused_names())})
        given = self.init(None, opts, [words["wsgi_app"]] if "wsgi_app" in words else [])
        self._defaults = {name: value for name, value in (given or {}).items() if value is not None}
        set_by_init = self.cfg.given
        resolved = embed.settled(Given(set_by_init, self._defaults), sys.argv[1:])
        self.cfg = EditableConfig(resolved.settings)
        for name, value in set_by_init.items():
            self.cfg.set(name, value)

    def init(self, parser: Any, opts: Any, args: list[Any]) -> dict[str, object] | None:
        """Return settings that the command line and files may replace.

        Args:
            parser: None.
            opts: what the command line says, as attributes by the settings' names; None for what it does not.
            args: what it names to be served.
        """
        return None


class WSGIApplication(Application):
    """A program with longma's command line, which names the application, or with `app_uri` to name it.

    Attributes:
        app_uri: where the application is, `MODULE:NAME`; None for what the settings name.
    """

    app_uri: str | None = None

    def init(self, parser: Any, opts: Any, args: list[Any]) -> dict[str, object] | None:
        """Take the application from the command line."""
        if args:
            self.app_uri = args[0]
        return None

    def load_config(self) -> None:
        """Read the command line and the files, and see that there is something to serve.

        Raises:
            ConfigError: no application was named.
        """
        super().load_config()
        if self.app_uri is None and self.cfg.wsgi_app is None and self.cfg.paste is None:
            raise ConfigError([Problem("no application was named: write MODULE:NAME, or set wsgi_app")])

    def load(self) -> WSGIApplicationObject:
        """Import and return the application."""
        if self.cfg.paste is not None:
            return paste.load(self.cfg.paste, self.cfg.paste_global_conf)
        any_kind = brings_its_own_http(self.cfg.worker_class)
        return loader.load(self.app_uri or self.cfg.wsgi_app or "", of_any_kind=any_kind)


def refuse(error: LongmaError) -> NoReturn:
    """Tell what is wrong, a line for each problem, and end the program.

    Raises:
        SystemExit: always.
    """
    for line in str(error).splitlines():
        sys.stderr.write(f"longma: error: {line}\n")
    sys.exit(error.exit_status)
