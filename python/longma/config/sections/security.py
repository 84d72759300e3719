"""What a request may hold."""

from __future__ import annotations

from typing import Final

from longma.config.option import Kind, Section, option
from longma.config.parsers import BYTES, COUNT, one_of, show_list, shown, whole_number, words

_MAX_FIELDS: Final = 32768
_DEFAULT_FIELD_SIZE: Final = 8190
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._~")
_IPV6: Final = frozenset("0123456789abcdef:.")


def field_count(value: object) -> int:
    """Return how many fields are allowed; 0 and anything above 32768 mean 32768, as with Gunicorn."""
    number = whole_number(value)
    return number if 0 < number <= _MAX_FIELDS else _MAX_FIELDS


def field_size(value: object) -> int:
    """Return the longest field line allowed; 0 means the default, which is what Gunicorn makes of it."""
    return whole_number(value) or _DEFAULT_FIELD_SIZE


def allowed_hosts(value: object) -> tuple[str, ...]:
    """Return names of hosts as they are compared, or `*`; a leading dot stands for a domain and all below it."""
    return tuple(_host(item) for item in words(value))


def _host(text: str) -> str:
    if text == "*":
        return text
    name = text.lower().removesuffix(".")
    is_literal = name.startswith("[") and name.endswith("]") and _IPV6.issuperset(name[1:-1])
    if not is_literal and (not name.isascii() or not _NAME.issuperset(name) or not name.strip(".") or ".." in name):
        raise ValueError(
            f"hold names of hosts such as example.com, .example.com or [::1], without a port, not {shown(text)}"
        )
    return name


class Security(Section):
    """What a request may hold. What exceeds a limit is refused, and its connection closed."""

    __slots__ = ()
    title = "Security"

    limit_request_line: int = option(
        4094,
        kind=COUNT,
        cli=("--limit-request-line",),
        unit="bytes",
        doc="The longest request line; a longer one earns 414. 0 means as long as the server can take, 1 MiB.",
    )
    limit_request_fields: int = option(
        100,
        kind=Kind("whole number", parse=field_count, text=int, metavar="INT"),
        cli=("--limit-request-fields",),
        unit="fields",
        doc="How many fields a request may have; more earn 431. 0 means 32768, which is also the most.",
    )
    limit_request_field_size: int = option(
        _DEFAULT_FIELD_SIZE,
        kind=Kind("whole number", parse=field_size, text=int, metavar="INT"),
        cli=("--limit-request-field_size", "--limit-request-field-size"),
        unit="bytes",
        doc="The longest field line, its CRLF included; a longer one earns 431. 0 means 8190.",
    )
    limit_request_body: int = option(
        1 << 30,
        kind=BYTES,
        cli=("--limit-request-body",),
        unit="bytes",
        doc="The largest request body; a larger one earns 413. 0 means no limit.",
    )
    header_map: str = option(
        "drop",
        kind=one_of("drop", "refuse", "dangerous"),
        cli=("--header-map",),
        doc="What happens to a field whose name holds an underscore, which the application could not tell from one "
        "with a hyphen: `drop` it, `refuse` the request with 400, or pass it on all the same (`dangerous`).",
    )
    allowed_hosts: tuple[str, ...] = option(
        (),
        kind=Kind("list of names of hosts", parse=allowed_hosts, metavar="HOSTS", show=show_list),
        cli=("--allowed-hosts",),
        doc="The hosts that requests may be for, by their field Host or their target, divided by commas: a name, "
        "`.example.com` for it and all below it, an address, or `*` for any, which is also what an empty list means. "
        "Ports do not count. A request for another one earns 421, one for none, as in HTTP/1.0, 400; neither reaches "
        "the application. `health_path` is answered for any host.",
    )
