"""A row of the table of settings, and what a section of rows is.

From a row come the command-line flag, the environment variable, the check, the default, the type that mypy sees, the
rule for a reload and the paragraph in `docs/settings.md`. Rows are hand-made descriptors: `dataclasses` would bring
`inspect` and 1.4 MB into every process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

START: Final = "start"
DIRECTORY: Final = "directory"
MOUNTED: Final = "mounted"


class Kind(Generic[T]):
    """What a setting may hold: the check, how the command line spells it, how it is shown.

    Args:
        name: what the documentation calls the type.
        parse: turns what a file or a variable holds into the value; each argument of a ValueError completes
            "NAME must ...".
        text: turns one word of the command line into something for `parse`; a ValueError is a usage error (exit 2).
        metavar: the placeholder in `--help`.
        show: writes the value as a configuration file would.
    """

    __slots__ = ("metavar", "name", "parse", "show", "text")

    def __init__(
        self,
        name: str,
        *,
        parse: Callable[[object], T],
        text: Callable[[str], object] = str,
        metavar: str = "STRING",
        show: Callable[[T], str] = repr,
    ) -> None:
        self.name = name
        self.parse = parse
        self.text = text
        self.metavar = metavar
        self.show = show


class Computed(Generic[T]):
    """A default that depends on where longma runs, or that must not be shared: made anew each time it is asked for.

    Args:
        make: returns it.
        words: what the documentation says instead of the value; "" for the value.
    """

    __slots__ = ("make", "words")

    def __init__(self, make: Callable[[], T], words: str = "") -> None:
        self.make = make
        self.words = words


class Option(Generic[T]):
    """One row. Read through a `Settings` it is the value, through the class it is the row itself."""

    __slots__ = (
        "_default",
        "anchored",
        "cli",
        "constant",
        "doc",
        "env",
        "from_env",
        "inert",
        "kind",
        "name",
        "reload",
        "repeat",
        "unit",
        "words",
    )

    def __init__(
        self,
        default: T | Computed[T],
        kind: Kind[T],
        *,
        doc: str,
        cli: tuple[str, ...],
        env: str,
        from_env: Callable[[str], object],
        constant: object,
        words: tuple[str, ...],
        repeat: bool,
        anchored: str,
        unit: str,
        reload: bool,
        inert: str,
    ) -> None:
        self.name = ""
        self._default = default
        self.kind = kind
        self.doc = doc
        self.cli = cli
        self.env = env
        self.from_env = from_env
        self.constant = constant
        self.words = words
        self.repeat = repeat
        self.anchored = anchored
        self.unit = unit
        self.reload = reload
        self.inert = inert

    @property
    def default(self) -> T:
        return self._default.make() if isinstance(self._default, Computed) else self._default

    @property
    def default_in_words(self) -> str:
        """The default as the documentation gives it: code, or words where it depends on the machine."""
        words = self._default.words if isinstance(self._default, Computed) else ""
        return words or f"`{self.kind.show(self.default)}`"

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else instance.value_of(self.name)


def option(
    default: T | Computed[T],
    *,
    kind: Kind[T],
    doc: str,
    cli: tuple[str, ...] = (),
    env: str = "",
    from_env: Callable[[str], object] = str,
    constant: object = None,
    words: tuple[str, ...] = (),
    repeat: bool = False,
    anchored: str = "",
    unit: str = "",
    reload: bool = True,
    inert: str = "",
) -> T:
    """Return a row, typed as the value that it gives.

    Args:
        default: the value when nobody gives one, in its final form: it is not parsed.
        kind: what it may hold.
        doc: what it does, for `--help` and the documentation; `code` in backquotes.
        cli: the flags; none means that the command line cannot set it.
        env: the environment variable that replaces the default.
        from_env: turns that variable's text into something for the kind, or into None when it says nothing.
        constant: what the flag stands for when it takes no argument (`--no-sendfile` is False).
        words: what may follow the flag all the same; any other word after it is not its argument.
        repeat: the flag may be given several times; the list replaces that of any lower layer, it never extends it.
        anchored: from where a relative path is meant: `START`, the directory that longma was started in, or
            `DIRECTORY`, that of the `chdir` setting; `MOUNTED`: from there, and the paths are what stands behind the
            first `=`, or the values of a dictionary. "" leaves paths as they are.
        unit: what a number counts.
        reload: a reload (HUP) can apply a new value; otherwise the server must be restarted.
        inert: why the setting has no effect here: it is accepted with a notice that says so.
    """
    row = Option(
        default,
        kind,
        doc=doc,
        cli=cli,
        env=env,
        from_env=from_env,
        constant=constant,
        words=words,
        repeat=repeat,
        anchored=anchored,
        unit=unit,
        reload=reload,
        inert=inert,
    )
    return cast("T", row)


class Section:
    """A group of rows under one heading. The class's docstring introduces it in the documentation."""

    __slots__ = ()
    title: ClassVar[str] = ""


def rows(section: type[Section]) -> Iterator[Option[Any]]:
    """Yield a section's own rows in the order written."""
    for value in vars(section).values():
        if isinstance(value, Option):
            yield value
