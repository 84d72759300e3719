"""Handlers and formatters for the standard library's logging. Imported only in a process that uses that already."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from longma.logs.escape import escaped
from longma.logs.record import DATE_FORMAT, Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from longma.logs.error_log import ErrorStream

ERROR_FORMAT = "%(asctime)s [%(process)d] [%(levelname)s] %(message)s"
ACCESS_FORMAT = "%(message)s"
SYSLOG_FORMAT = "[%(process)d] %(message)s"
# The attribute by which an access line brings along what JSON has of it.
MEMBERS = "longma_members"


class SafeFormatter(logging.Formatter):
    """Gunicorn's form, with nothing in it that could pass for another record."""

    def format(self, record: logging.LogRecord) -> str:
        return escaped(super().format(record))


class ShapedFormatter(logging.Formatter):
    """Records as one of our own shapes makes them: JSON, for example."""

    def __init__(self, shape: Callable[[Record], str]) -> None:
        super().__init__()
        self._shape = shape

    def format(self, record: logging.LogRecord) -> str:
        return self._shape(recorded(record, self))


class ChannelHandler(logging.Handler):
    """Hands the standard library's records to a log of ours.

    A formatter that somebody sets has its way; until then the log writes the record as it writes its own.

    Args:
        emit: takes our records.
        form: what `formatter` shows to those who look there, or take it for handlers of their own.
        stream: what `stream` shows to them; writes to the same file.
        end: closes what is this handler's alone.
    """

    def __init__(
        self,
        emit: Callable[[Record], None],
        form: str,
        *,
        stream: ErrorStream | None = None,
        end: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self._emit = emit
        self._end = end
        self._own = SafeFormatter(form, DATE_FORMAT)
        self.stream = stream
        self.setFormatter(self._own)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            own = recorded(record, self._own)
            is_ours = self.formatter is self._own or self.formatter is None
            self._emit(own if is_ours else own._replace(text=self.format(record)))
        except Exception:  # as every handler of the standard library: a record must not fail the application
            self.handleError(record)

    def close(self) -> None:
        if self._end is not None:
            self._end()
        super().close()


class BridgeHandler(ChannelHandler):
    """What `gunicorn.error` and `gunicorn.access` have where the site brings no logger of its own."""

    @property
    def is_as_made(self) -> bool:
        """Whether nobody has changed it since."""
        return self.formatter is self._own and not self.filters and self.level == logging.NOTSET


def is_as_made(logger: logging.Logger, level: int) -> bool:
    """Whether a logger does with its records what ours would do: nobody has changed it since it was connected.

    Being disabled does not count. It happens to every logger that an application's dictConfig does not know of, and is
    hardly ever meant.
    """
    if logger.disabled:
        return True
    filters = [one for one in logger.filters if not isinstance(one, EscapedTraceback)]
    handlers = [one for one in logger.handlers if not (isinstance(one, BridgeHandler) and one.is_as_made)]
    return not (filters or handlers or logger.propagate) and len(logger.handlers) == 1 and logger.level == level


class EscapedTraceback(logging.Filter):
    """Escapes a record's traceback before any formatter makes one: exceptions often hold what a client has sent."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None and not record.exc_text:
            record.exc_text = escaped(logging.Formatter().formatException(record.exc_info))
        return True


def recorded(record: logging.LogRecord, formatter: logging.Formatter) -> Record:
    """Return our form of a record of the standard library."""
    exception = record.exc_text or ""
    if record.exc_info and not exception:
        exception = formatter.formatException(record.exc_info)
    if record.stack_info:
        exception = f"{exception}\n{record.stack_info}".strip()
    return Record(
        level=record.levelno,
        logger=record.name,
        pid=record.process or 0,
        message=record.getMessage(),
        moment=record.created,
        exception=exception,
        error=record.exc_info[1] if record.exc_info else None,
        members=getattr(record, MEMBERS, None),
    )
