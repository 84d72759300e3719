"""What a worker was doing when its time was up, in words for the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longma.logs.escape import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

# What calls the application: our own modules, and below them those that start a thread or a greenlet.
OURS = "longma."
CALLERS = ("__main__", "threading", "eventlet.greenthread")
IMPORT_SYSTEM = "<frozen importlib"
HEADING = "Traceback (most recent call last):"


def describe(request: tuple[str, str, float] | None, booted: bool, frame: FrameType | None) -> str:
    """Return the record of an abort: the request and its age in seconds if there is one, and the Python stack."""
    if request is not None:
        method, target, seconds = request
        asked = f"{escaped(method)} {escaped(target)}".replace("\n", "\\n")
        subject = f"request {asked} has taken {seconds:.1f} s"
    elif booted:
        subject = "the worker was aborted outside of a request"
    else:
        subject = "the worker was aborted while it booted"
    return f"{subject}; stack:\n{stack_of(frame)}"


def stack_of(frame: FrameType | None) -> str:
    """Return the stack as a traceback shows it, the interrupted line last, without what calls the application."""
    frames: list[FrameType] = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    while len(frames) > 1 and is_caller(str(frames[-1].f_globals.get("__name__", ""))):
        frames.pop()
    # Python leaves the import system out of its tracebacks too.
    kept = [one for one in reversed(frames) if not one.f_code.co_filename.startswith(IMPORT_SYSTEM)]
    steps = [(one, one.f_lineno) for one in kept]
    try:
        import traceback  # only a worker that is aborted needs it
    except ImportError:
        return "\n".join(step(one.f_code, number) for one, number in steps)
    return "".join(traceback.StackSummary.extract(iter(steps)).format()).rstrip()


def is_caller(module: str) -> bool:
    return module in CALLERS or module.startswith(OURS)


def traceback_of(error: BaseException) -> str:
    """Return the traceback of an exception; without lines of source where Python's own modules cannot be read.

    A worker that has given up root may not be allowed to.
    """
    try:
        import traceback  # only a worker that fails needs it
    except ImportError:
        return "\n".join((HEADING, *steps_of(error), f"{type(error).__name__}: {error}"))
    return "".join(traceback.format_exception(error)).rstrip()


def steps_of(error: BaseException) -> Iterator[str]:
    link = error.__traceback__
    while link is not None:
        yield step(link.tb_frame.f_code, link.tb_lineno)
        link = link.tb_next


def step(code: CodeType, number: int) -> str:
    return f'  File "{code.co_filename}", line {number}, in {code.co_name}'
