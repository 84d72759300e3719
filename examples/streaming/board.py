"""A notice board: who looks at /events has what others say, as it is said (server-sent events).

    longma -c longma.conf.py board:application
    curl -N http://127.0.0.1:8000/events &
    curl -d 'Good morning' http://127.0.0.1:8000/say

Each stream is a greenlet that waits in `Queue.get`; nothing here knows of gevent, which has made the standard library's
queues and sleeps its own before this module was imported.
"""

from collections.abc import Iterator
from queue import Empty, Queue
from typing import Any

# A proxy cuts what has been silent for long, and a client that has gone is noticed when something is sent to it.
SECONDS_OF_SILENCE = 15
MOST_WAITING = 100


class Board:
    """The streams of this worker. With several workers something between them has to pass the notices on."""

    def __init__(self) -> None:
        self.streams: set[Queue[str]] = set()

    def say(self, words: str) -> int:
        """Tell everybody, and return how many that were; one that does not keep up misses it."""
        listening = [stream for stream in self.streams if not stream.full()]
        for stream in listening:
            stream.put_nowait(words)
        return len(listening)

    def listen(self) -> Iterator[bytes]:
        """Yield what is said from now on."""
        stream: Queue[str] = Queue(MOST_WAITING)
        self.streams.add(stream)
        try:
            yield b": welcome\n\n"
            while True:
                try:
                    words = stream.get(timeout=SECONDS_OF_SILENCE)
                except Empty:
                    yield b": still here\n\n"
                else:
                    yield b"".join(b"data: %b\n" % line.encode() for line in words.splitlines() or [""]) + b"\n"
        finally:  # the client has gone, or the worker stops
            self.streams.discard(stream)


board = Board()


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """Answer GET /events with a stream, and POST /say with how many have heard it."""
    asked = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    if asked == ("GET", "/events"):
        # X-Accel-Buffering: nginx hands on at once what it is sent.
        fields = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no")]
        start_response("200 OK", fields)
        return board.listen()
    if asked == ("POST", "/say"):
        heard = board.say(environ["wsgi.input"].read().decode("utf-8", "replace"))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{heard}\n".encode()]
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"GET /events or POST /say\n"]
