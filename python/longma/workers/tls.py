"""TLS as the workers of a generation speak it: made by the master before it forks, and kept up to date by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longma._core import Tls
from longma.errors import OperatorError
from longma.net.tls import marks_of, sources_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from longma.config.settings import Settings
    from longma.net.tls import Sources

_INFO = 20
_WARNING = 30
_ERROR = 40


class Secrecy:
    """The certificates in use, and the files they come from.

    Args:
        settings: what asks for it.
        before: that of the generation before, whose session tickets stay good.

    Attributes:
        core: what an engine is given.

    Raises:
        OperatorError: a file cannot be read, or does not fit the others.
    """

    def __init__(self, settings: Settings, before: Secrecy | None = None) -> None:
        self._sources = self._wanted(settings)
        self.core: Tls
        self._marks = marks_of(self._sources.files())
        try:
            self.core = Tls(**self._sources.arguments(), before=None if before is None else before.core)
        except ValueError as error:
            raise OperatorError(str(error)) from None

    @staticmethod
    def _wanted(settings: Settings) -> Sources:
        sources = sources_of(settings)
        if settings.ssl_context is None:
            return sources
        from longma.net.ssl_context import asked  # only sites with such a hook need it

        return asked(settings, sources)

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the certificates, though they can be used."""
        return self.core.warnings

    def look(self, log: Callable[[int, str], None]) -> None:
        """In the master, now and then: have the workers use what stands in the files now, if that is of any use."""
        self.core.turn()
        marks = marks_of(self._sources.files())
        if marks == self._marks or () in marks:
            return  # where one is missing, it is just being replaced
        self._marks = marks
        try:
            warnings = self.core.replace(self._sources.read_pairs())
        except (OperatorError, ValueError) as error:
            log(_ERROR, f"The certificates have changed and cannot be used; those from before stay. {error}")
            return
        log(_INFO, "The certificates have changed, and were read again.")
        for warning in warnings:
            log(_WARNING, warning)
