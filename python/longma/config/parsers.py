"""The kinds of value that settings hold, and their checks.

A check takes whatever a configuration file or a variable may hold and returns the value, or raises ValueError with the
end of the sentence "NAME must ...". Strings are read as Gunicorn reads them: whole numbers with any of Python's
prefixes, modes as octal when they begin with 0, `true` and `false` in any case.
"""

from __future__ import annotations

import os
from typing import Final, TypeVar

from longma.config.addresses import parse
from longma.config.option import Kind
from longma.errors import AddressError

T = TypeVar("T")

_INT_MAX: Final = 2**31 - 1
_SIZE_MAX: Final = 2**63 - 1
_SHOWN_CHARACTERS: Final = 60
_WHOLE: Final = "be a whole number, 0 or more"


def shown(value: object) -> str:
    """Return a value for an error message, cut to a length that fits a line."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


def _on_one_line(words: str) -> str:
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in words)


def _whole(value: object, *, maximum: int, wanted: str = _WHOLE) -> int:
    number = value
    if isinstance(number, str):
        try:
            number = int(number, 0)
        except ValueError:
            number = None
    if not isinstance(number, int) or number < 0:
        raise ValueError(f"{wanted}, not {shown(value)}")
    if number > maximum:
        raise ValueError(f"be at most {maximum}, not {shown(value)}")
    return int(number)


def whole_number(value: object, wanted: str = _WHOLE) -> int:
    return _whole(value, maximum=_INT_MAX, wanted=wanted)


def size(value: object) -> int:
    """Return bytes; a string may end in K, M, G or T, powers of 1024, and then may have a fraction: "1.5G"."""
    if isinstance(value, str):
        digits = value.strip().upper().removesuffix("B").removesuffix("I")
        exponent = "KMGT".find(digits[-1:]) + 1 if digits else 0
        if exponent:
            try:
                value = int(float(digits[:-1]) * 1024**exponent)
            except (ValueError, OverflowError):
                raise ValueError(f"be a number of bytes such as 1048576 or '1M', not {shown(value)}") from None
    return _whole(value, maximum=_SIZE_MAX)


def duration(value: object) -> float:
    """Return seconds as a float; 0 is allowed, NaN and infinity are not."""
    wanted = "be a number of seconds, 0 or more"
    if isinstance(value, str):
        try:
            value = int(value, 0)
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                raise ValueError(f"{wanted}, not {shown(value)}") from None
    if not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ValueError(f"{wanted}, not {shown(value)}")
    if value > _INT_MAX:
        raise ValueError(f"be at most {_INT_MAX} seconds, not {shown(value)}")
    return float(value)


def boolean(value: object) -> bool:
    """Return True or False; None counts as False, as with Gunicorn."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise ValueError(f"be True or False, not {shown(value)}")


def optional_text(value: object) -> str | None:
    """Return a string, or None for None and for an empty one."""
    return None if value is None else text(value) or None


def any_text(value: object) -> str:
    """Return a string; None counts as an empty one."""
    return "" if value is None else text(value)


def text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"be a string, not {shown(value)}")
    if "\0" in value:  # which ends a name for the system
        raise ValueError(f"hold no NUL, as {shown(value)} does")
    return encodable(value, "surrogateescape").strip()


def encodable(value: str, errors: str = "strict") -> str:
    """Return a string that can be written as UTF-8.

    Args:
        value: the string.
        errors: "surrogateescape" takes whatever bytes a command line or a path may hold, "strict" only characters.

    Raises:
        ValueError: it holds half a character.
    """
    try:
        value.encode("utf-8", errors)
    except UnicodeEncodeError:
        raise ValueError(f"hold whole characters, unlike {shown(value)}") from None
    return value


def texts(value: object) -> tuple[str, ...]:
    """Return strings as a tuple; one string alone counts as a list of one (commas do not split it)."""
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"be a list of strings, not {shown(value)}")
    for item in value:
        if not isinstance(item, str):
            raise ValueError(f"hold strings only, not {shown(item)}")
    return tuple(text(item) for item in value)


def words(value: object) -> tuple[str, ...]:
    """Return strings as a tuple; in one string alone commas divide them. Empty ones do not count, None holds none."""
    items = () if value is None else value.split(",") if isinstance(value, str) else value
    return tuple(item for item in texts(items) if item)


def upper_words(value: object) -> tuple[str, ...]:
    return tuple(encodable(item).upper() for item in words(value))


def assignments(value: object) -> tuple[str, ...]:
    """Return `NAME=VALUE` strings as a tuple; None and an empty string hold none."""
    items = texts(value or () if value is None or isinstance(value, str) else value)
    for item in items:
        if "=" not in item[1:] or "\0" in item:
            raise ValueError(f"be of the form NAME=VALUE, not {shown(item)}")
    return items


def mapping(value: object) -> dict[str, object]:
    """Return a dictionary whose keys are strings; None counts as an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"be a dictionary, not {shown(value)}")
    for key in value:
        if not isinstance(key, str):
            raise ValueError(f"have strings as keys, not {shown(key)}")
    return dict(value)


def addresses(value: object) -> tuple[str, ...]:
    """Return addresses as they were written, once each is known to be one. An empty string alone names none."""
    items = texts(value) if value != "" else ()
    if not items:
        raise ValueError("name at least one address")
    mistakes = []
    for item in items:
        try:
            parse(item)
        except AddressError as error:
            mistakes.append(f"hold addresses: {_on_one_line(str(error))}")
    if mistakes:
        raise ValueError(*mistakes)
    return items


def mode_word(word: str) -> str:
    """Return what `mode` understands, once it is a number at all.

    Raises:
        ValueError: it is none.
    """
    int(_as_python_writes_octal(word), 0)
    return word


def mode(value: object) -> int:
    """Return a file mode mask; "022" and "0o22" are octal, "18" is decimal, as with Gunicorn."""
    number = value
    if isinstance(number, str):
        try:
            number = int(_as_python_writes_octal(number), 0)
        except ValueError:
            number = None
    if not isinstance(number, int) or not 0 <= number <= 0o777:
        raise ValueError(f"be a mode from 0 to 0777, not {shown(value)}")
    return int(number)


def _as_python_writes_octal(word: str) -> str:
    digits = word.strip()
    return "0o" + digits[1:] if digits[:1] == "0" and digits[1:2].isdigit() else digits


def directory(value: object) -> str:
    """Return the path of a directory; an empty string is the one that the server was started in."""
    path = text(value) or os.getcwd()
    if not os.path.isdir(path):
        raise ValueError(f"be an existing directory, not {path!r}")
    if not os.access(path, os.X_OK):
        raise ValueError(f"be a directory that may be entered, not {path!r}")
    return path


def existing_file(value: object) -> str | None:
    path = optional_text(value)
    if path is not None and not os.path.isfile(path):
        raise ValueError(f"be an existing file, not {path!r}")
    return path


def existing_file_section(value: object) -> str | None:
    """Return `FILE` or `FILE#SECTION` of a file that is there."""
    spec = optional_text(value)
    if spec is not None:
        existing_file(spec.partition("#")[0])
    return spec


def existing_files(value: object) -> tuple[str, ...]:
    """Return paths and patterns as a tuple; what holds no `*`, `?` or `[` must exist. None and "" hold none."""
    items = texts(value or () if value is None or isinstance(value, str) else value)
    for item in items:
        if not any(character in item for character in "*?[") and not os.path.exists(item):
            raise ValueError(f"name existing files, not {item!r}")
    return items


def one_of(*names: str, none: str = "") -> Kind[str]:
    """Return the kind of a setting that holds one of a few words, in any case; `none` is what None stands for."""

    def parse(value: object) -> str:
        if value is None and none:
            return none
        if isinstance(value, str) and value.strip().lower() in names:
            return value.strip().lower()
        raise ValueError(f"be one of {', '.join(names)}, not {shown(value)}")

    spelled = "|".join(names)
    metavar = spelled if len(spelled) <= _SHOWN_CHARACTERS else "NAME"
    return Kind(" or ".join(f"`{name}`" for name in names), parse=parse, metavar=metavar)


def show_seconds(value: float) -> str:
    """Write 30.0 as 30 and 0.5 as 0.5."""
    return str(int(value)) if value == int(value) else repr(value)


def show_mode(value: int) -> str:
    """Write 0 as 0 and 18 as 0o22."""
    return oct(value) if value else "0"


def show_list(value: tuple[str, ...]) -> str:
    return repr(list(value))


def own_path(value: object) -> str:
    """Return a path that the engine answers, or "" for none: as it stands in a request line, without a query."""
    path = any_text(value)
    if path and (not path.startswith("/") or not path.isascii() or not path.isprintable() or set(path) & set(" ?#")):
        raise ValueError(
            f"be a path such as /-/health, without a query, spaces or letters beyond ASCII, not {shown(value)}"
        )
    return path


COUNT: Final = Kind("whole number", parse=whole_number, text=int, metavar="INT")
BYTES: Final = Kind("whole number, or a string such as '10M'", parse=size, text=size, metavar="BYTES")
SECONDS: Final = Kind("number", parse=duration, text=float, metavar="SECONDS", show=show_seconds)
BOOLEAN: Final = Kind("boolean", parse=boolean)
TEXT: Final = Kind("string", parse=any_text)
OPTIONAL_TEXT: Final = Kind("string or None", parse=optional_text)
OPTIONAL_FILE: Final = Kind("path or None", parse=optional_text, metavar="FILE")
EXISTING_FILE: Final = Kind("path or None", parse=existing_file, metavar="FILE")
FILE_SECTION: Final = Kind("path or None", parse=existing_file_section, metavar="FILE[#SECTION]")
EXISTING_FILES: Final = Kind("list of paths and patterns", parse=existing_files, metavar="FILE", show=show_list)
ASSIGNMENTS: Final = Kind("list of strings", parse=assignments, metavar="NAME=VALUE", show=show_list)
DICTIONARY: Final = Kind("dictionary", parse=mapping)
ADDRESSES: Final = Kind("list of strings", parse=addresses, metavar="ADDRESS", show=show_list)
MODE: Final = Kind("mode", parse=mode, text=mode_word, metavar="MODE", show=show_mode)
EXISTING_DIRECTORY: Final = Kind("path", parse=directory, metavar="DIRECTORY")
OWN_PATH: Final = Kind("path in a URL", parse=own_path, metavar="PATH")
