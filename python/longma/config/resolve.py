"""From the places where values are given to one `Settings`, every mistake reported at once.

What wins, weakest first: defaults, single environment variables (`PORT`, `WEB_CONCURRENCY`, ...), the configuration
file, `GUNICORN_CMD_ARGS`, `LONGMA_CMD_ARGS`, the command line. A program that has longma in it may give defaults, which
lose to the file, and values, which win over everything.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from longma.config import arguments, environment, file
from longma.config.access_format import fault_of
from longma.config.addresses import divided
from longma.config.given import Given
from longma.config.later import LATER
from longma.config.layer import DEFAULT, Layer, Reading, Source
from longma.config.option import DIRECTORY, MOUNTED, START
from longma.config.sections.workers import brings_its_own_http
from longma.config.settings import Settings, table
from longma.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from longma.config.option import Option

# What needs a certificate, and what of longma's own the engine does, which workers that bring their own HTTP have not.
OF_TLS = ("keyfile_password", "keyfile_password_file", "ca_certs", "cert_reqs", "ciphers", "tls_min_version")
OF_HTTP2 = (
    *("http_protocols", "http2_cleartext", "http2_max_concurrent_streams", "http2_initial_window_size"),
    *("http2_max_frame_size", "http2_max_header_list_size"),
)
OF_THE_ENGINE = (
    *("health_path", "metrics_path", "allowed_hosts", "static", "sendfile_root", "accel_redirect", "real_ip"),
    *("header_timeout", "body_timeout", "write_timeout", "min_transfer_rate", "limit_request_body", "body_buffer_size"),
    *("response_buffer_size", "head_cache", "queue_limit", "queue_timeout"),
)
# The models that call the application otherwise than by threads.
WITHOUT_THREADS = ("gevent", "eventlet", "tornado")


class Invocation(NamedTuple):
    """How longma was started: all that is needed to read the settings again."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    cwd: str
    given: Given | None = None


class Resolved(NamedTuple):
    """The settings in force.

    Attributes:
        settings: the values.
        sources: for each setting that was given somewhere, the layer whose value won.
        notices: what is not wrong but should be known, one line each, for the log.
        invocation: what the settings were made from.
    """

    settings: Settings
    sources: Mapping[str, Layer]
    notices: tuple[str, ...]
    invocation: Invocation

    def source_of(self, name: str) -> Source:
        """Return where the value of a setting comes from, with its line when that is a file."""
        layer = self.sources.get(name)
        return DEFAULT if layer is None else layer.locate(name)


def resolve(argv: Sequence[str], environ: Mapping[str, str], cwd: str, given: Given | None = None) -> Resolved:
    """Read and check all settings.

    Args:
        argv: the arguments, without the program's name.
        environ: the environment.
        cwd: the directory longma was started in, from which relative paths are meant.
        given: what the program says that has longma in it.

    Raises:
        ConfigError: every mistake in the settings that could be found.
        UsageError: the command line cannot be read.
        SystemExit: it asked for help or for the version.
    """
    rows = table()
    given = given or Given()
    below, above = given.readings(rows)
    command_line = arguments.parse(() if given.alone else argv, rows)
    names = () if given.alone else ("GUNICORN_CMD_ARGS", "LONGMA_CMD_ARGS")
    variables = [arguments.parse_variable(name, environ, rows) for name in names]
    problems: list[Problem] = [*below.problems, *above.problems]
    arguments_given = [*(variable.layer for variable in variables), command_line, above.layer]
    spec = _file_named(arguments_given) or (None if given.alone else file.find(cwd))
    reading = _read_file(spec, cwd, rows, problems)
    layers = [environment.layer(rows, environ), below.layer, reading.layer, *arguments_given]
    values, sources = _merge(layers, rows, cwd, problems)
    problems += _access_lines(values, sources)
    if problems:
        raise ConfigError(problems)
    for name, value in _implied(values, command_line).items():
        values.setdefault(name, value)
    notices = [notice for place in (reading, *variables) for notice in place.notices]
    if values.get("reload") and values.get("preload_app"):
        # The master would give every new worker what it loaded at the start.
        values["preload_app"] = False
        where = sources["preload_app"].locate("preload_app")
        notices.append(f"{where}: preload_app has no effect with reload: each worker loads the application anew")
    if int(str(values.get("threads", 1))) > 1 and values.get("worker_class", "sync") == "sync":
        values["worker_class"] = "gthread"
    settings = Settings({**values, "config": spec})
    notices += _notices(layers, rows, values, sources)
    return Resolved(settings, sources, tuple(notices), Invocation(tuple(argv), dict(environ), cwd, given))


def _file_named(layers: Sequence[Layer]) -> str | None:
    """Return what the last of the layers that has a `-c` says."""
    named = [layer.values["config"] for layer in layers if layer.values.get("config")]
    return str(named[-1]) if named else None


def _read_file(spec: str | None, cwd: str, rows: Mapping[str, Option[Any]], problems: list[Problem]) -> Reading:
    empty = Layer({}, lambda _: DEFAULT)
    if spec is None:
        return Reading(empty)
    try:
        reading = file.read(spec, cwd, rows)
    except ConfigError as error:
        problems += error.problems
        return Reading(empty)
    problems += reading.problems
    return reading


def _merge(
    layers: Sequence[Layer], rows: Mapping[str, Option[Any]], cwd: str, problems: list[Problem]
) -> tuple[dict[str, object], dict[str, Layer]]:
    """Check every value that is given, those that lose included: a mistake is one wherever it stands."""
    later = {row.name: row for row in LATER}
    directory = _directory(layers, cwd)
    bases = {"": "", START: cwd, DIRECTORY: directory, MOUNTED: directory}
    values: dict[str, object] = {"chdir": cwd}
    sources: dict[str, Layer] = {}
    for layer in layers:
        for name, given in layer.values.items():
            if name in later:
                if not later[name].is_detail and not later[name].changes_nothing(given):
                    problems.append(Problem(f"{name} is not supported: {later[name].why}", str(layer.locate(name))))
                continue
            row = rows[name]
            try:
                anchored = _mounted if row.anchored == MOUNTED else _anchored
                values[name] = row.kind.parse(anchored(given, bases[row.anchored]))
            except ValueError as error:
                problems += [Problem(f"{name} must {words}", str(layer.locate(name))) for words in error.args]
            else:
                sources[name] = layer
    return values, sources


def _access_lines(values: Mapping[str, object], sources: Mapping[str, Layer]) -> Iterator[Problem]:
    """Yield what is wrong with the format of access lines, where they are made by ours."""
    is_others = brings_its_own_http(str(values.get("worker_class", "sync"))) or values.get("logger_class") is not None
    if "access_log_format" in sources and not is_others:
        where = str(sources["access_log_format"].locate("access_log_format"))
        words = fault_of(str(values["access_log_format"]))
        if words:
            yield Problem(f"access_log_format must {words}", where)


def _directory(layers: Sequence[Layer], cwd: str) -> str:
    """Return the directory to change to; whether it is there is checked with the other values."""
    given = [layer.values["chdir"] for layer in layers if isinstance(layer.values.get("chdir"), str)]
    return os.path.normpath(os.path.join(cwd, str(given[-1]).strip())) if given else cwd


def _anchored(given: object, base: str) -> object:
    """Return a path, or a list of them, meant from a directory; "" for as it is."""
    if base and isinstance(given, str) and given.strip():
        return os.path.normpath(os.path.join(base, given.strip()))
    if base and isinstance(given, (list, tuple)):
        return [_anchored(item, base) for item in given]
    return given


def _mounted(given: object, base: str) -> object:
    """Return what names directories by paths of URLs, each directory meant from `base`."""
    if isinstance(given, dict):
        return {path: _anchored(directory, base) for path, directory in given.items()}
    if isinstance(given, (list, tuple)):
        return [_mounted(item, base) for item in given]
    if isinstance(given, str):
        path, equals, directory = given.partition("=")
        return f"{path}{equals}{_anchored(directory, base)}"
    return given


def _implied(values: Mapping[str, object], command_line: Layer) -> dict[str, object]:
    """Return what the application that is named says about other settings, for those that nobody gave."""
    paste = values.get("paste")
    if isinstance(paste, str):
        path = paste.partition("#")[0]
        implied: dict[str, object] = {"default_proc_name": path}
        if _has_loggers(path):
            implied["logconfig"] = path
        return implied
    application = command_line.values.get("wsgi_app")
    return {"default_proc_name": application} if application else {}


def _has_loggers(path: str) -> bool:
    """Whether an ini file has the section that `logging.config.fileConfig` asks for."""
    try:
        with open(path, "rb") as file:
            return any(line.strip() == b"[loggers]" for line in file)
    except OSError:
        return False


def _notices(
    layers: Sequence[Layer], rows: Mapping[str, Option[Any]], values: Mapping[str, object], sources: Mapping[str, Layer]
) -> Iterator[str]:
    """Yield a line for each setting that asks for something and has no effect."""
    for name, layer in sources.items():
        if values[name] != rows[name].default and (why := _idle_because(rows[name], values)):
            yield f"{layer.locate(name)}: {name} has no effect: {why}"
    if values.get("metrics_path") and values["metrics_path"] == values.get("health_path"):
        where = sources["metrics_path"].locate("metrics_path")
        yield f"{where}: metrics_path has no effect: it is the health_path, too"
    if values.get("certfile") and not _speaks_http(Settings(values)):
        where = sources["certfile"].locate("certfile")
        yield f"{where}: certfile has no effect: TLS is spoken where HTTP is, and no address of bind speaks that"
    for later in LATER:
        for layer in layers:
            if later.is_detail and later.name in layer.values and not later.changes_nothing(layer.values[later.name]):
                yield f"{layer.locate(later.name)}: {later.name} has no effect: {later.why}"


def _idle_because(row: Option[Any], values: Mapping[str, object]) -> str:
    """Return why a setting can do nothing beside the others, "" when it does something."""
    worker_class = str(values.get("worker_class", "sync"))
    if row.inert:
        return row.inert
    is_honoured = row.name == "limit_request_body" and worker_class == "tornado"
    if row.name in OF_THE_ENGINE and brings_its_own_http(worker_class) and not is_honoured:
        return f"worker_class {worker_class} brings its own HTTP"
    if row.name == "threads" and worker_class in WITHOUT_THREADS:
        return f"worker_class {worker_class} calls the application without threads"
    # Who has asked for the certificates of clients must hear that nobody is asked for one.
    if row.name in OF_TLS and not (values.get("certfile") or values.get("keyfile")):
        return "without certfile this server speaks no TLS"
    if row.name == "control_socket_mode" and not values.get("control_socket"):
        return "there is no control_socket"
    return _idle_http2(row.name, Settings(values)) if row.name in OF_HTTP2 else ""


def _idle_http2(name: str, settings: Settings) -> str:
    if "h2" not in settings.http_protocols:
        return "http_protocols does not name h2"
    if name == "http2_cleartext" and settings.certfile:
        return "with certfile every connection is one of TLS"
    if name != "http_protocols":
        return ""
    if brings_its_own_http(settings.worker_class):
        return f"worker_class {settings.worker_class} brings its own HTTP"
    if not _speaks_http(settings):
        return "no address of bind speaks HTTP"
    if not settings.certfile and settings.http2_cleartext == "off":
        return "HTTP/2 is agreed on in TLS, which needs certfile, and http2_cleartext is off"
    return ""


def _speaks_http(settings: Settings) -> bool:
    """Whether HTTP is what is spoken on one of the addresses at least."""
    return any((divided(text)[0] or settings.protocol) == "http" for text in settings.bind)
