"""A gate an application stops at until the test lets it through; how tests order events without a clock.

The application's side is `tests.apps.gate`. Each passage is one connection of a SOCK_SEQPACKET socket: the application
sends `PID LABEL`, and where it asks for leave it waits for an answer.
"""

from __future__ import annotations

import os
import re
import socket
from types import TracebackType

from tests.support.deadlines import Deadline


class Visitor:
    """An application that has come to the gate, and what it has said: `PID LABEL`."""

    def __init__(self, connection: socket.socket, said: str) -> None:
        self._connection = connection
        pid, _, self.label = said.partition(" ")
        self.pid = int(pid)

    def release(self, answer: str = "go") -> None:
        """Let the application go on, with a word from the test."""
        self._connection.send(answer.encode())
        self._connection.close()

    def close(self) -> None:
        """Let it go on without a word, as happens when the test ends first."""
        self._connection.close()


class Gate:
    """Where applications report what they do, and wait for the test's leave to go on."""

    VARIABLE = "LONGMA_TEST_GATE"

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.path = os.path.join(directory, "gate")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(self.path)
        self._listener.listen(1024)
        self._waiting: list[Visitor] = []
        self._admitted: list[Visitor] = []

    def __enter__(self) -> Gate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def environment(self) -> dict[str, str]:
        """The environment variable by which the application finds the gate."""
        return {self.VARIABLE: self.path}

    def wait(self, label: str) -> Visitor:
        """Wait until an application has come whose whole label matches the pattern."""
        deadline = Deadline()
        while True:
            for visitor in self._waiting:
                if re.fullmatch(label, visitor.label):
                    self._waiting.remove(visitor)
                    return visitor
            came = [visitor.label for visitor in self._waiting]
            self._listener.settimeout(deadline.left(f"an application at the gate with {label!r}; came: {came}"))
            self._admit()

    def labels(self) -> list[str]:
        """The labels of all that have come and were not waited for, in the order they came."""
        self._listener.settimeout(0)
        try:
            while True:
                self._admit()
        except BlockingIOError:
            return [visitor.label for visitor in self._waiting]

    def _admit(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except TimeoutError:
            return  # the deadline says so, with what was awaited
        connection.settimeout(Deadline().left("a label"))
        said = connection.recv(4096).decode()
        if not said:  # it has been killed on its way
            connection.close()
            return
        visitor = Visitor(connection, said)
        self._admitted.append(visitor)
        self._waiting.append(visitor)

    def close(self) -> None:
        """Open the gate for good: whoever waits goes on, whoever comes later is not held."""
        self._listener.close()
        for visitor in self._admitted:
            visitor.close()
