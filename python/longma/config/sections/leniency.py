"""Requests that are against the standard and can be let through all the same."""

from __future__ import annotations

from longma.config.option import Section, option
from longma.config.parsers import BOOLEAN


class Leniency(Section):
    """Requests that are against the standard and can be let through all the same.

    Each of these is for one client that cannot be changed. What another server on the way makes of such a request may
    differ, which is what request smuggling is made of.
    """

    __slots__ = ()
    title = "Leniency"

    permit_obsolete_folding: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--permit-obsolete-folding",),
        constant=True,
        doc="Accept a field value that goes on in the next line (RFC 9112 §5.2); the line break becomes a space.",
    )
    strip_header_spaces: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--strip-header-spaces",),
        constant=True,
        doc="Accept spaces between a field's name and its colon (RFC 9112 §5.1), and drop them.",
    )
    permit_unconventional_http_method: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--permit-unconventional-http-method",),
        constant=True,
        doc="Accept any method that is a token: lower case, with `#`, shorter than 3 or longer than 20 characters.",
    )
    permit_unconventional_http_version: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--permit-unconventional-http-version",),
        constant=True,
        doc="Accept a request line with a version other than HTTP/1.0 and HTTP/1.1.",
    )
    casefold_http_method: bool = option(
        False,
        kind=BOOLEAN,
        cli=("--casefold-http-method",),
        constant=True,
        doc="Write methods in upper case. Lower-case ones are refused before unless "
        "`permit_unconventional_http_method` is set.",
    )
