"""The bytes on the control socket: four bytes of length, big-endian, then a JSON object in UTF-8. Gunicorn's protocol.

A request is `{"id", "command", "args"}`, an answer `{"id", "status": "ok", "data"}` or `{"id", "status": "error",
"error"}`. Pure: no socket, no clock.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

LENGTH: Final = struct.Struct(">I")
# Gunicorn takes 16 MB. No command comes near this.
MAX_REQUEST_BYTES: Final = 64 * 1024
MAX_WORDS: Final = 16
MAX_ID_CHARACTERS: Final = 256

Data: TypeAlias = "dict[str, Any]"
Id: TypeAlias = "str | int | float | bool | None"


class Malformed(Exception):
    """What came is no request, and nothing that follows can be read."""


class Refused(Exception):
    """A command cannot be obeyed; the words are for who gave it."""


class Request(NamedTuple):
    """One command, in words, and what its answer is to be told apart by."""

    id: Id
    words: tuple[str, ...]


class Inbox:
    """What has come from one client, and is no whole request yet. It never holds more than one of the longest."""

    def __init__(self) -> None:
        self._received = bytearray()

    @property
    def is_empty(self) -> bool:
        return not self._received

    @property
    def is_whole(self) -> bool:
        """Whether `take` has something to say."""
        if len(self._received) < LENGTH.size:
            return False
        length: int = LENGTH.unpack_from(self._received)[0]
        return length > MAX_REQUEST_BYTES or len(self._received) >= LENGTH.size + length

    @property
    def room(self) -> int:
        """How many bytes it takes at the most."""
        return LENGTH.size + MAX_REQUEST_BYTES - len(self._received)

    def put(self, data: bytes) -> None:
        """Add what has come, `room` bytes at the most."""
        self._received += data

    def take(self) -> bytes | None:
        """Return the body of the next request, None while it has not come whole.

        Raises:
            Malformed: it is longer than any request.
        """
        if not self.is_whole:
            return None
        length: int = LENGTH.unpack_from(self._received)[0]
        if length > MAX_REQUEST_BYTES:
            raise Malformed
        end = LENGTH.size + length
        body = bytes(self._received[LENGTH.size : end])
        del self._received[:end]
        return body


def read_request(body: bytes) -> Request:
    """Return the request that a body holds.

    Raises:
        Malformed: it holds none.
    """
    message = read(body)
    command, arguments = message.get("command"), message.get("args") or []
    number = message.get("id")
    if not isinstance(number, (str, int, float, type(None))) or len(str(number)) > MAX_ID_CHARACTERS:
        number = None
    if not isinstance(command, str) or not isinstance(arguments, list) or len(arguments) > MAX_WORDS:
        raise Malformed
    words = command.split()
    for argument in arguments:
        if isinstance(argument, bool) or not isinstance(argument, (str, int)):
            raise Malformed
        words.append(str(argument))
    return Request(number, tuple(words))


def read(body: bytes) -> Data:
    """Return the object that a body holds.

    Raises:
        Malformed: it holds none.
    """
    import json  # only who has something to say needs it

    try:
        message = json.loads(body.decode())
    # Also what nests too deep, and numbers of more digits than Python reads.
    except (ValueError, RecursionError):
        raise Malformed from None
    if not isinstance(message, dict):
        raise Malformed
    return message


def write(message: Mapping[str, object]) -> bytes:
    """Return a message as it is sent."""
    import json

    body = json.dumps(message).encode()
    return LENGTH.pack(len(body)) + body


def answer(number: Id, data: Data) -> bytes:
    """Return the answer to a command that was obeyed."""
    return write({"id": number, "status": "ok", "data": data})


def refusal(number: Id, words: str) -> bytes:
    """Return the answer to a command that was not."""
    return write({"id": number, "status": "error", "error": words})
