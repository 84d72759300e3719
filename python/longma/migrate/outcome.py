"""What becomes of options: settings, things to see to, and things that need nothing any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from longma.migrate.expand import Option


class Setting(NamedTuple):
    """A line of the new file.

    Attributes:
        name: the setting.
        code: its value, a Python expression.
        origin: the options it is made from, as they stood in the old file; none for one that keeps a default of uWSGI.
        note: what is worth knowing about it.
    """

    name: str
    code: str
    origin: tuple[str, ...] = ()
    note: str = ""


class Remark(NamedTuple):
    """An option that makes no setting, and why, or what to do instead."""

    origin: str
    words: str


class Outcome(NamedTuple):
    """All that became of some options.

    Attributes:
        settings: in the order of the new file.
        work: what has no equivalent, and what to do instead.
        settled: what longma does without being told.
    """

    settings: tuple[Setting, ...] = ()
    work: tuple[Remark, ...] = ()
    settled: tuple[Remark, ...] = ()

    def __or__(self, other: Outcome) -> Outcome:
        return Outcome(self.settings + other.settings, self.work + other.work, self.settled + other.settled)


def see_to(option: Option, words: str) -> Outcome:
    """The option has no equivalent: this is why, and what to do."""
    return Outcome(work=(Remark(option.shown, words),))


def settle(option: Option, words: str) -> Outcome:
    """The option needs nothing."""
    return Outcome(settled=(Remark(option.shown, words),))


def setting(name: str, code: str, *options: Option, note: str = "") -> Outcome:
    """The options make this setting."""
    return Outcome((Setting(name, code, tuple(option.shown for option in options), note),))
