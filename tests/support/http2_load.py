"""Continuous load by HTTP/2, with accounts as exact as those of `load.py`."""

from __future__ import annotations

import itertools

from h2.exceptions import H2Error

from tests.support.http import Address, Client, Closed
from tests.support.http2 import Http2, StreamReset
from tests.support.load import Load, Loss

AT_ONCE = 5


class Http2Load(Load):
    """Clients that each have several requests under way on their connection.

    What a GOAWAY says the server will not work on is no loss: it is asked again, on a new connection (RFC 9113 §6.8).
    Nor is what was sent to a server that has closed the connection before it began with it, as one that stops does when
    a client takes too long after connecting.
    """

    def __init__(self, address: Address, *, connections: int) -> None:
        super().__init__(address, connections=connections)
        self.turned_away = 0

    def _talk(self, client: Client) -> None:
        talk = Http2(client)
        for turn in itertools.count(1):
            if self._stopping or talk.gone is not None or not self._batch(talk, turn):
                break
        if talk.gone is not None:
            self._end(talk)

    def _batch(self, talk: Http2, turn: int) -> bool:
        """Ask several times at once; false when the connection serves no more."""
        asked = {}
        try:
            for _ in range(AT_ONCE):
                body = f"request {next(self._numbers)}".encode()
                asked[talk.request("POST", self.target, body=body)] = body
            for stream, body in asked.items():
                if talk.last_stream is not None and stream > talk.last_stream:
                    self.turned_away += 1
                    continue
                answer = talk.answer(stream)
                if answer.status != 200 or answer.body != body:
                    self._lose(Loss("wrong", f"{answer.status} {answer.body[:200]!r}", turn))
                with self._changed:
                    self.answered += 1
                    self._changed.notify_all()
        except (ConnectionError, Closed, StreamReset, H2Error) as error:
            if isinstance(error, Closed) and not talk.was_greeted:
                self.turned_away += len(asked)
                return False
            self._lose(Loss("cut", f"{error!r}; GOAWAY {talk.gone} {talk.last_stream}", turn))
            return False
        return True

    def _end(self, talk: Http2) -> None:
        code = talk.end()
        if code:
            self._lose(Loss("wrong", f"the connection ended with {code}", 0))
