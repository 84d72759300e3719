"""The compiled core: the engine under a worker, and the objects it puts into an environ."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar, final, type_check_only

from typing_extensions import Buffer, Self

from longma.typing import Environ, WSGIApplication

__all__ = ["BOARD_PAGE_BYTES", "EarlyHints", "Engine", "FileWrapper", "Hub", "Input", "Lease", "Tls"]

BOARD_PAGE_BYTES: int

_Request = TypeVar("_Request")
_Socket = TypeVar("_Socket")

@type_check_only
class Observer(Protocol[_Request]):
    """Whoever watches requests from Python. Called in the thread that calls the application, with nothing locked."""

    def begin(
        self,
        environ: Environ,
        method: str,
        target: str,
        version: tuple[int, int],
        fields: list[tuple[str, str]],
        peer: tuple[str, int] | str,
        number: int,
        trailers: list[tuple[str, str]],
        /,
    ) -> _Request:
        """A request is about to be given to the application; what this raises makes the answer a 500.

        Args:
            environ: what the application will be called with.
            method: as sent, as is the target.
            target: not decoded.
            version: (1, 1) or (1, 0).
            fields: names in upper case, values as native strings, in the order sent.
            peer: address and port, or "" on a Unix socket.
            number: which one of its connection it is, from 1 on.
            trailers: what came behind a chunked body, as `fields`.

        Returns:
            What `end` is to be given.
        """

    def end(
        self,
        request: _Request | None,
        environ: Environ,
        status: str | None,
        fields: list[tuple[str, str]] | None,
        sent: int,
        seconds: float,
        /,
    ) -> object:
        """The answer to a request was handed over; called for each `begin`. What this raises is only logged.

        Args:
            request: what `begin` returned, None where it raised.
            environ: the same object as in `begin`.
            status: such as `200 OK`, None where the client was gone before there was an answer.
            fields: those of the application, None where status is.
            sent: bytes of the answer's body.
            seconds: since `begin`.
        """

    def refused(self, peer: tuple[str, int] | str, line: str, status: int, seconds: float, /) -> object:
        """A request was refused, or ended before it was whole, so that the application never got it.

        Args:
            peer: address and port, or "" on a Unix socket.
            line: its first line, escaped, as far as there is one.
            status: the one it was answered with.
            seconds: since its first byte.
        """

class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...

@final
class Tls:
    """TLS as all connections of a worker speak it: made by the master, inherited by its workers.

    Args:
        pairs: the certificates, each the name of a file and the PEM text in it, the same for its key, None where that
            is in the certificate's file, and what the key is encrypted with.
        client_auth: whether clients show a certificate: 0 no, 1 if they have one, 2 they must.
        authorities: the file of those who certify clients.
        suites: names of cipher suites, in the order of preference.
        versions: the least and the greatest, 12 for TLS 1.2.
        protocols: what is agreed on by name (RFC 7301), in the order of preference.
        resumes: whether sessions are resumed, by tickets.
        curve: the only one by which keys are exchanged, "" for all of them.
        before: whose session tickets are to stay good.

    Attributes:
        warnings: what is wrong with the certificates today, though they can be used.

    Raises:
        ValueError: something does not fit; its text begins with the setting's name.
        OSError: the system gives no random bytes.
    """

    def __new__(
        cls,
        pairs: Sequence[tuple[tuple[str, bytes], tuple[str, bytes] | None, bytes | None]],
        *,
        client_auth: int = 0,
        authorities: tuple[str, bytes] | None = None,
        suites: Sequence[str],
        versions: tuple[int, int] = ...,
        protocols: Sequence[bytes],
        resumes: bool = True,
        curve: str = ...,
        before: Tls | None = None,
    ) -> Self: ...
    @property
    def warnings(self) -> list[str]: ...
    def replace(self, pairs: Sequence[tuple[tuple[str, bytes], tuple[str, bytes] | None, bytes | None]]) -> list[str]:
        """Show these certificates from now on, in all workers that have inherited this; say what is wrong with them.

        Raises:
            ValueError: they cannot be used, and those from before stay.
        """

    def turn(self) -> None:
        """Forget what the keys of earlier session tickets were made of."""

    @staticmethod
    def suites() -> list[str]:
        """The names of all cipher suites, in the order of preference."""

    @staticmethod
    def curves() -> list[str]:
        """The names of all curves by which keys are exchanged, in the order of preference."""

@final
class Engine:
    """The engine of one worker process.

    Args:
        application: called as PEP 3333 says, one request at a time, from the thread that calls `run`, or from each of
            those that call `serve`.
        listeners: a descriptor and its URL (`http://host:port` or `unix:path`) each. The engine closes them.
        settings: names and checked values, as in the table of settings.
        board: writable shared memory of `slots` pages of BOARD_PAGE_BYTES; of any behind them the last is the
            master's.
        slot: this worker's page.
        handover: the receiving and the sending end of the one SOCK_SEQPACKET pair of all
            workers that listen on the same.
        errors: `wsgi.errors`.
        log: takes a level, as logging numbers it, and a message; of a failed request also None and the exception.
        multiprocess: `wsgi.multiprocess`.
        recycle_after: how many requests to answer before `on_recycle` is called; 0: it never is.
        on_recycle: called once, between two requests. Serving goes on.
        observer: shown every request; without one nothing is spent on it.
        threads: how many threads call the application; 0: the one that calls `run`.
        greenlets: the greenlets of one thread call it, by way of `hub`; then `run` is not to be called.
        socket_of: makes of a lease what a request for another protocol finds in its environ, as `gunicorn.socket` and
            `werkzeug.socket`; without it there is nothing there.
        tls: how TLS is spoken on all listeners; None: it is not.
        environ: what each environ has besides.

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
        log: Callable[..., None],
        multiprocess: bool,
        recycle_after: int = 0,
        on_recycle: Callable[[], object] | None = None,
        observer: Observer[_Request] | None = None,
        threads: int = 0,
        greenlets: bool = False,
        socket_of: Callable[[Lease], object] | None = None,
        tls: Tls | None = None,
        environ: Environ | None = None,
    ) -> Self: ...
    def run(self, on_beat: Callable[[], object] | None = None) -> None:
        """Serve until told to stop. What a signal handler raises ends the serving and is raised here.

        With threads: wait until none of them serves any more.

        Args:
            on_beat: with threads, called twice a second.
        """

    def serve(self, seat: int) -> None:
        """Call the application in the thread that calls this, until told to stop.

        Args:
            seat: which of the threads it is, from 0; each seat is taken once.
        """

    def hub(self, pause: Callable[[float], object], ending: type[BaseException]) -> Hub:
        """Return what greenlets serve by. To be called once.

        Args:
            pause: lets other greenlets run for a number of seconds.
            ending: what is raised in a greenlet that is to end; a request that ends so is not told of.
        """

    def accept(self, is_wanted: bool) -> None:
        """Accept connections, as it does from the beginning, or none for the time being; whoever has one is served."""

    def stop(self, graceful: bool) -> None:
        """Make `run` return, or the hub's turns end; callable from a signal handler.

        Args:
            graceful: answer what has been accepted first, else only finish the current call.
        """

    def current(self) -> tuple[str, str, float] | None:
        """Return method, target and age in seconds of the request that the application has, None outside of a call.

        What is no printable ASCII in the texts is escaped. Callable from a signal handler that interrupts the call.
        With greenlets it is always None: their `Hub` knows whose request is whose.
        """

    def longest_call(self) -> tuple[int, float] | None:
        """The seat in which the application has had a request for longest, and since when by `time.monotonic()`."""

    def reopen(self) -> None:
        """Have the access log's file opened anew, soon; callable from a signal handler.

        Where that fails the old one goes on being written to, and the error log says so.
        """

    @property
    def wakeup_fd(self) -> int:
        """What wakes `run` while it waits for threads, or the hub, for `signal.set_wakeup_fd`."""

    @property
    def requests(self) -> int:
        """How many requests have been answered."""

@final
class FileWrapper:
    """`wsgi.file_wrapper`: a file-like object as a response, sent by sendfile(2) where it is a real file."""

    def __new__(cls, filelike: _Readable, block_size: int = 8192) -> Self: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> bytes: ...
    def close(self) -> None: ...

@final
class Hub:
    """How the greenlets of one thread serve together. All of it is to be called on that thread."""

    def fileno(self) -> int:
        """The descriptor to watch for reading: when it is readable, some greenlet is to take a turn."""

    def start(self) -> None:
        """Begin to serve."""

    def turn(self, greenlet: object) -> int:
        """Serve what there is to serve, in the greenlet that calls this.

        Any call of the application may switch to others, of which one takes the next turn when the descriptor is
        readable again.

        Returns:
            0: the greenlet is to wait for its next turn. 1: it is to end, since its request has waited, and may have
            left something behind in it. 2: the engine has been stopped, and nothing is left to do.
        """

    def has_more(self) -> bool:
        """Whether the last turn has left something to do, since its request waits: another is to be taken at once."""

    def wakes(self) -> None:
        """To be called when the hub's wait has ended, before anything else runs."""

    def rests(self) -> None:
        """To be called when the hub is about to wait, after anything else: what has been yielded is sent now."""

    def request_of(self, greenlet: object) -> tuple[str, str, float] | None:
        """Return method, target and age in seconds of the request that a greenlet has."""

    def greenlets(self) -> list[object]:
        """The greenlets that have a request."""

    def longest_call(self) -> tuple[object, float] | None:
        """The greenlet that has had its request for longest without answering, and since when by `time.monotonic()`."""

    def finish(self) -> None:
        """Serve no more, and write the access log out."""

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
class Lease:
    """The connection of a request that asks for another protocol (RFC 9110 §7.8), on offer until its call is over."""

    def take(self, make: Callable[[int], _Socket]) -> _Socket:
        """Take the connection over: nothing more is written to it by the server, and there is no answer.

        When the call is over the socket is closed, and the connection ends.

        Args:
            make: makes the socket of a descriptor, which is the socket's from then on; called once.

        Returns:
            What `make` returned, now or before.

        Raises:
            BrokenPipeError: the client has gone.
            RuntimeError: the answer has begun.
            OSError: EBADF: the call is over. Anything else: the system is short of something.
        """

    def fileno(self) -> int:
        """The connection's descriptor as long as it is not taken, to be looked at only; -1 for none.

        It does not block, and is the server's.
        """

    def is_whole(self) -> bool:
        """Whether it is not taken, and its descriptor has all that the client has sent behind its request.

        If not, what is taken is one end of a pair that the bytes are relayed to.
        """

@final
class EarlyHints:
    """`wsgi.early_hints`: sends 103 (Early Hints) with these fields, unless the answer has begun (RFC 8297)."""

    def __call__(self, headers: list[tuple[str, str]]) -> None: ...
    def send_trailers(self, trailers: list[tuple[str, str]]) -> None:
        """`gunicorn.http2.send_trailers`: has these fields follow the body of the answer (RFC 9110 §6.5)."""
