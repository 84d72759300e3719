"""The `longmactl` command: looks at a running server and tells it what to do, by its control socket.

Its interface is that of `gunicornc`: `-s`, `-c`, `-j`, `-v`, and without a command a prompt.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Final

from longma import __version__
from longma.config.resolve import resolve
from longma.control import tables, top
from longma.control.client import ControlClient, Unreachable
from longma.control.messages import Refused
from longma.errors import LongmaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

VARIABLE: Final = "LONGMA_CONTROL_SOCKET"
PROMPT: Final = "longma> "
HISTORY: Final = "~/.longmactl_history"
LEAVING: Final = ("quit", "exit", "q")
OK: Final = 0
FAILED: Final = 1
INTERRUPTED: Final = 130
UNKNOWN: Final = (
    f"no control socket is known: give -s PATH, set {VARIABLE}, or call longmactl in the directory of a "
    "configuration file that sets control_socket"
)
EXAMPLES: Final = """\
examples:
  longmactl show workers
  longmactl -s /run/shop/shop.ctl worker add 2
  longmactl -j -c "show stats"
  longmactl top
  longmactl            (asks for commands)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Raises:
        SystemExit: the command line cannot be read, or asked for help.
    """
    options = _parser().parse_args(argv)
    if options.version:
        print(f"longmactl (longma {__version__})")
        return OK
    command = options.command if options.command is not None else " ".join(options.words)
    try:
        path = options.socket or socket_path(os.environ, os.getcwd())
        with contextlib.closing(ControlClient(os.path.abspath(path))) as client:
            client.connect()
            return _obey(client, command, options)
    except (LongmaError, Refused) as error:
        return _fail(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read has seen enough; what Python has left to write at its end must not fail for that.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def socket_path(environ: Mapping[str, str], cwd: str) -> str:
    """Return where the server listens: as the variable says, or the settings in this directory.

    Raises:
        Unreachable: neither does.
    """
    if environ.get(VARIABLE):
        return environ[VARIABLE]
    try:
        settings = resolve((), environ, cwd).settings
    except LongmaError as error:
        raise Unreachable(f"{UNKNOWN}\n(the settings here cannot be read: {error})") from error
    if settings.control_socket is None or settings.control_socket_disable:
        raise Unreachable(UNKNOWN)
    return settings.control_socket


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="longmactl",
        description="Look at a running longma and tell it what to do. `longmactl help` lists the commands.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="COMMAND", help="what to ask or tell; without it, a prompt")
    parser.add_argument("-c", "--command", help="the same as one argument")
    parser.add_argument("-s", "--socket", metavar="PATH", help="the control socket of the server")
    parser.add_argument("-j", "--json", action="store_true", help="print the answer as JSON")
    parser.add_argument(
        "-i", "--interval", type=_seconds, default=1.0, metavar="SECONDS", help="how often top looks (1)"
    )
    parser.add_argument("-n", "--count", type=int, default=0, metavar="N", help="end top after N looks")
    parser.add_argument("-v", "--version", action="store_true", help="print the version")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds <= 3600:
        raise ValueError
    return seconds


def _obey(client: ControlClient, command: str, options: argparse.Namespace) -> int:
    if command.strip().lower() == "top":
        top.watch(client, options.interval, options.count)
    elif command.strip():
        _answer(client, command, options.json)
    elif sys.stdin.isatty():
        return _converse(client, options.json)
    else:
        return max([_try(client, line, options.json) for line in _lines()], default=OK)
    return OK


def _answer(client: ControlClient, command: str, as_json: bool) -> None:
    data = client.ask(command)
    print(json.dumps(data, indent=2) if as_json else tables.shown(command, data))


def _try(client: ControlClient, command: str, as_json: bool) -> int:
    try:
        _answer(client, command, as_json)
    except (Refused, Unreachable) as error:
        return _fail(error)
    return OK


def _fail(error: Exception) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"Error: {error}\n")
    return FAILED


def _lines() -> Iterator[str]:
    """Yield the commands that are piped in."""
    for line in sys.stdin:
        if line.strip().lower() in LEAVING:
            return
        if line.strip():
            yield line.strip()


def _converse(client: ControlClient, as_json: bool) -> int:
    """Ask the operator for commands until there are no more, or the server is gone."""
    with _history():
        print(f"Connected to {client.path}. `help` lists the commands, `quit` leaves.")
        while True:
            try:
                line = input(PROMPT).strip()
            except EOFError:
                print()
                return OK
            if line.lower() in LEAVING:
                return OK
            if not line:
                continue
            if line.lower() == "top":
                with contextlib.suppress(KeyboardInterrupt):
                    top.watch(client, 1.0, 0)
                continue
            _try(client, line, as_json)
            client.connect()


@contextlib.contextmanager
def _history() -> Iterator[None]:
    """Keep what is entered from one time to the next, where Python can edit lines."""
    try:
        import readline
    except ImportError:
        yield
        return
    path = os.path.expanduser(HISTORY)
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            readline.write_history_file(path)
