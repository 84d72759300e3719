"""Continuous load with exact accounts: of each request it is known whether it was answered, refused, lost or cut.

The clients are strict: an answer is whole and one's own, or it is a loss. A connection that could not be made because
nobody listens any more is a refusal, and no loss.
"""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import threading
from types import TracebackType
from typing import NamedTuple

from tests.support.deadlines import Deadline
from tests.support.http import Address, BadAnswer, Client, Closed, Response
from tests.support.server import Server

FIRST_BYTE_MISSING = "no whole head came: b''"
WRK_ERRORS = re.compile(r"Socket errors: (.*)|Non-2xx or 3xx responses: (.*)")
WRK_REQUESTS = re.compile(r"(\d+) requests in")


class Loss(NamedTuple):
    """A request that got no answer, or a part of one, or somebody else's.

    Attributes:
        what: "reset", "unanswered" (the end came where the answer should begin), "cut" or "wrong".
        detail: what came, or the error.
        turn: which request of its connection it was, from 1.
    """

    what: str
    detail: str
    turn: int


class Load:
    """Clients in threads of their own that ask again and again until they are stopped; a context manager.

    Args:
        address: where the server listens.
        connections: how many clients, of one connection each.
        keep_alive: whether a connection serves for more than one request.
        target: what is asked for; it must give the request's body back and its process number in X-Pid.
    """

    def __init__(
        self, address: Address, *, connections: int, keep_alive: bool = True, target: str = "/labour?ms=0"
    ) -> None:
        self.address = address
        self.keep_alive = keep_alive
        self.target = target
        self.answered = 0
        self.refused = 0
        self.losses: list[Loss] = []
        self.pids: set[int] = set()
        self._period = 0
        self._stopping = False
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(connections)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Let every client finish its request, and end."""
        with self._changed:
            self._stopping = True
        for thread in self._threads:
            thread.join(Deadline().left("the clients to finish"))
            assert not thread.is_alive(), "a client did not come to an end"

    def more(self, count: int) -> None:
        """Wait until that many further requests have been answered."""
        self._wait(lambda: self.answered, count, f"{count} more answers")

    def until_refused(self) -> None:
        """Wait until every client has been refused, and so has ended."""
        self._wait(lambda: self.refused, len(self._threads) - self.refused, "every client to be refused")

    def _wait(self, counter: object, count: int, awaited: str) -> None:
        assert callable(counter)
        deadline = Deadline()
        with self._changed:
            goal = counter() + count
            while counter() < goal and not self.losses:
                self._changed.wait(deadline.left(f"{awaited}; {self.account()}"))

    def fresh_pids(self) -> None:
        """Forget which workers have answered until now, and do not count who answers what has been asked already."""
        with self._changed:
            self.pids = set()
            self._period += 1

    def account(self) -> str:
        """The account in words."""
        return f"{self.answered} answered, {self.refused} refused, {len(self.losses)} lost: {self.losses[:5]}"

    def check(self) -> None:
        """Every request was answered; there were some."""
        assert self.losses == [], self.account()
        assert self.answered > 0

    # One client

    def connect(self) -> Client:
        """A new connection."""
        return Client(self.address)

    def _run(self) -> None:
        try:
            while not self._stopping and self._one_connection():
                pass
        except BaseException as error:
            self._lose(Loss("wrong", repr(error), 0))

    def _one_connection(self) -> bool:
        """Use a connection for as long as it serves; false when there is no server any more."""
        try:
            client = self.connect()
        except (ConnectionRefusedError, FileNotFoundError):
            with self._changed:
                self.refused += 1
                self._changed.notify_all()
            return False
        except ConnectionError as error:
            self._lose(Loss("reset", f"while it was made: {error}", 0))
            return True
        with client:
            self._talk(client)
        return True

    def _talk(self, client: Client) -> None:
        """Ask on one connection for as long as it serves."""
        for turn in itertools.count(1):
            if self._stopping or not self._ask(client, turn):
                break

    def _ask(self, client: Client, turn: int) -> bool:
        """One request; false when the connection serves no more."""
        body = f"request {next(self._numbers)}".encode()
        period = self._period
        try:
            client.request("POST", self.target, *([] if self.keep_alive else ["Connection: close"]), body=body)
            response = client.read_response()
        except (ConnectionError, Closed) as error:
            self._lose(self._loss(error, turn, client))
            return False
        return self._take(response, body, turn, client, period)

    @staticmethod
    def _loss(error: Exception, turn: int, client: Client) -> Loss:
        if isinstance(error, ConnectionError):
            return Loss("reset", f"{error}; had {client.pending[:100]!r}", turn)
        return Loss("unanswered" if str(error) == FIRST_BYTE_MISSING else "cut", str(error), turn)

    def _take(self, response: Response, body: bytes, turn: int, client: Client, period: int) -> bool:
        closing = (response.one("Connection") or "").lower() == "close"
        if response.status != 200 or response.body != body:
            self._lose(Loss("wrong", f"{response.status} {response.body[:200]!r}", turn))
        elif closing:
            try:
                client.expect_end()
            except (ConnectionError, BadAnswer) as error:
                self._lose(Loss("wrong", f"after the last answer: {error}", turn))
        with self._changed:
            self.answered += 1
            if period == self._period:
                self.pids.add(int(response.one("X-Pid") or 0))
            self._changed.notify_all()
        return not closing

    def _lose(self, loss: Loss) -> None:
        with self._changed:
            self.losses.append(loss)
            self._changed.notify_all()


def reload_under_load(server: Server, *, keep_alive: bool) -> None:
    """Reload twice while four clients ask without a pause; none of them may lose a request."""
    with Load(server.address, connections=4, keep_alive=keep_alive) as clients:
        for times in (1, 2):
            clients.more(100)
            server.send_signal(signal.SIGHUP)
            server.errors.wait("Reload complete", count=times)
        clients.more(100)
    clients.check()


class Wrk:
    """wrk at full speed until it is stopped; it counts what failed."""

    def __init__(self, address: Address, *, connections: int, keep_alive: bool = True, target: str = "/hello") -> None:
        assert isinstance(address, tuple)
        fields = [] if keep_alive else ["-H", "Connection: close"]
        url = f"http://{address[0]}:{address[1]}{target}"
        command = ["wrk", "-t1", f"-c{connections}", "-d600s", "--timeout", "30s", *fields, url]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __enter__(self) -> Wrk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def finish(self) -> int:
        """Stop it; returns how many requests were answered. None may have failed."""
        self._process.send_signal(signal.SIGINT)
        said, _ = self._process.communicate(timeout=Deadline().left("wrk to end"))
        failed = WRK_ERRORS.search(said)
        assert failed is None, said
        counted = WRK_REQUESTS.search(said)
        assert counted is not None, said
        return int(counted[1])
