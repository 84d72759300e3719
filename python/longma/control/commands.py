"""What can be asked of a server and told to it, by Gunicorn's words. Pure."""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from longma.control.messages import MAX_WORDS, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

# More than a master has pages for, and few enough digits to be read at no cost.
MAX_NUMBER: Final = 2**31 - 1
SHOWN_CHARACTERS: Final = 60

HELP: Final = MappingProxyType(
    {
        "show all": "Show the master and its workers",
        "show workers": "List the workers: what each does, since when, and what it needs",
        "show dirty": "List Gunicorn's dirty workers, of which there are none here",
        "show config": "Show the settings in force",
        "show stats": "Show what the server has done since it was started, and how workers have ended",
        "show listeners": "Show the sockets that are listened on",
        "worker add [N]": "Have N more workers (1)",
        "worker remove [N]": "Have N fewer workers (1); one always stays",
        "worker kill <PID>": "Have one worker finish, and another one in its place",
        "reload": "Read the settings again and replace the workers (HUP)",
        "reopen": "Open the log files anew (USR1)",
        "shutdown [graceful|quick]": "Stop the server (TERM, INT)",
        "help": "Show this list",
    }
)


class View(Enum):
    """What can be looked at."""

    ALL = "all"
    WORKERS = "workers"
    DIRTY = "dirty"
    CONFIG = "config"
    STATS = "stats"
    LISTENERS = "listeners"


class Show(NamedTuple):
    """Tell of something; nothing changes."""

    view: View


class Help(NamedTuple):
    """Tell what there is to ask."""


class Resize(NamedTuple):
    """Have so many workers more, or fewer."""

    by: int


class KillWorker(NamedTuple):
    """Have one worker finish."""

    pid: int


class Reload(NamedTuple):
    """Do as HUP says."""


class Reopen(NamedTuple):
    """Do as USR1 says."""


class Shutdown(NamedTuple):
    """Do as TERM says, or as INT when it is to be quick."""

    is_quick: bool


Command: TypeAlias = Show | Help | Resize | KillWorker | Reload | Reopen | Shutdown
_VIEWS: Final = "|".join(view.value for view in View)


def command_of(words: Sequence[str]) -> Command:
    """Return what the words ask for. Case does not matter.

    Raises:
        Refused: nothing that there is.
    """
    if not words:
        raise Refused("Empty command")
    if len(words) > MAX_WORDS:
        raise Refused("Too many words")
    verb, *rest = (word.lower() for word in words)
    match verb, rest:
        case "show", []:
            raise Refused(f"Missing show target ({_VIEWS})")
        case "show", [target]:
            return Show(_view(target))
        case "worker", []:
            raise Refused("Missing worker action (add|remove|kill)")
        case "worker", ["add" | "remove" as action, *numbers] if len(numbers) < 2:
            count = _number(numbers[0], "how many") if numbers else 1
            return Resize(count if action == "add" else -count)
        case "worker", ["kill"]:
            raise Refused("Missing PID")
        case "worker", ["kill", pid]:
            return KillWorker(_number(pid, "a PID"))
        case "dirty", _:
            raise Refused("There are no dirty workers here: give long tasks to a task queue")
        case "reload", []:
            return Reload()
        case "reopen", []:
            return Reopen()
        case "shutdown", [] | ["graceful"]:
            return Shutdown(is_quick=False)
        case "shutdown", ["quick"]:
            return Shutdown(is_quick=True)
        case "shutdown", [mode]:
            raise Refused(f"Unknown way to shut down: {_shown(mode)} (graceful|quick)")
        case "help", []:
            return Help()
    raise Refused(f"Unknown command: {_shown(' '.join(words))}; `help` lists what there is")


def _view(target: str) -> View:
    try:
        return View(target)
    except ValueError:
        raise Refused(f"Unknown show target: {_shown(target)} ({_VIEWS})") from None


def _number(word: str, what: str) -> int:
    is_number = word.isascii() and word.isdecimal() and len(word) <= len(str(MAX_NUMBER))
    number = int(word) if is_number else 0
    if not 0 < number <= MAX_NUMBER:
        raise Refused(f"Invalid argument: {_shown(word)} does not say {what}")
    return number


def _shown(words: str) -> str:
    return repr(words if len(words) <= SHOWN_CHARACTERS else f"{words[:SHOWN_CHARACTERS]}...")
