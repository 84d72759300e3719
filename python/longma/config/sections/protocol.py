"""What is spoken on the listeners."""

from __future__ import annotations

from longma.config.addresses import PROTOCOLS
from longma.config.networks import NETWORKS
from longma.config.option import Section, option
from longma.config.parsers import one_of


class Protocols(Section):
    """What is spoken on the listeners."""

    __slots__ = ()
    title = "Protocols"

    protocol: str = option(
        "http",
        kind=one_of(*PROTOCOLS),
        cli=("--protocol",),
        doc="What is spoken on the addresses of `bind` that do not say it themselves, as `uwsgi://127.0.0.1:3031` "
        "does. `uwsgi`, `fastcgi` and `scgi` are for a web server that hands requests over: nginx by `uwsgi_pass`, "
        "`fastcgi_pass` and `scgi_pass`.",
    )
    uwsgi_allow_ips: tuple[str, ...] = option(
        ("127.0.0.1", "::1"),
        kind=NETWORKS,
        cli=("--uwsgi-allow-from",),
        doc="The web servers that may hand requests over, by any of these protocols: addresses and networks, divided "
        "by commas, or `*` for everybody. Others are answered 403. Whoever may is believed what it says of the client, "
        "the scheme and the path; whoever connects by a Unix socket may. Behind a PROXY header it is the client named "
        "there that must be listed.",
    )
