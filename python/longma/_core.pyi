"""The compiled core: the engine under a worker, and the objects it puts into an environ."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, final

from typing_extensions import Buffer, Self

from longma.typing import WSGIApplication

__all__ = ["BOARD_PAGE_BYTES", "EarlyHints", "Engine", "FileWrapper", "Input"]

BOARD_PAGE_BYTES: int

class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...

@final
class Engine:
    """The engine of one worker process.

    Args:
        application: called as PEP 3333 says, one request at a time, from the thread that calls `run`.
        listeners: a descriptor and its URL (`http://host:port` or `unix:path`) each. The engine closes them.
        settings: names and checked values, as in the table of settings.
        board: writable shared memory of `slots` pages of BOARD_PAGE_BYTES.
        slot: this worker's page.
        handover: the receiving and the sending end of the one SOCK_SEQPACKET pair of all workers.
        errors: `wsgi.errors`.
        log: takes a level, as logging numbers it, and a message.
        multiprocess: `wsgi.multiprocess`.

    Raises:
        ValueError: a setting or the board does not fit.
        OSError: the access log or the sockets can't be used.
    """

    def __new__(
        cls,
        application: WSGIApplication,
        *,
        listeners: Sequence[tuple[int, str]],
        settings: Mapping[str, object],
        board: Buffer,
        slot: int,
        slots: int,
        handover: tuple[int, int] | None,
        errors: object,
        log: Callable[[int, str], None],
        multiprocess: bool,
    ) -> Self: ...
    def run(self) -> None:
        """Serve until told to stop. What a signal handler raises ends the serving and is raised here."""

    def stop(self, graceful: bool) -> None:
        """Make `run` return; callable from a signal handler.

        Args:
            graceful: answer what has been accepted first, else only finish the current call.
        """

@final
class FileWrapper:
    """`wsgi.file_wrapper`: a file-like object as a response, sent by sendfile(2) where it is a real file."""

    def __new__(cls, filelike: _Readable, block_size: int = 8192) -> Self: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> bytes: ...
    def close(self) -> None: ...

@final
class Input:
    """`wsgi.input`: a whole request body, in memory or in a file. Reading it never waits."""

    def read(self, size: int | None = None, /) -> bytes: ...
    def readline(self, size: int | None = None, /) -> bytes: ...
    def readlines(self, hint: int | None = None, /) -> list[bytes]: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> bytes: ...
    def close(self) -> None: ...

@final
class EarlyHints:
    """`wsgi.early_hints`: sends 103 (Early Hints) with these fields, unless the answer has begun (RFC 8297)."""

    def __call__(self, headers: list[tuple[str, str]]) -> None: ...
