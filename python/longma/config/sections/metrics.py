"""The figures of the server, for those who watch it."""

from __future__ import annotations

from longma.config.networks import NETWORKS
from longma.config.option import Section, option
from longma.config.parsers import OWN_PATH


class Metrics(Section):
    """The figures of the server, for those who watch it and for what scales it.

    Any worker answers, by its engine, for all of them, also while their applications are busy. The format is that of
    Prometheus (text, version 0.0.4).
    """

    __slots__ = ()
    title = "Metrics"

    metrics_path: str = option(
        "",
        kind=OWN_PATH,
        cli=("--metrics-path",),
        doc="The path, `/-/metrics` say, that is answered with the figures. Only for peers of `metrics_allow_ips`, and "
        "not for a request with a field by which a proxy says that it passes it on (`Forwarded`, `X-Forwarded-For`, "
        "`X-Real-IP`, `Via`); to all others the path is the application's. Empty: to everybody.",
    )
    metrics_allow_ips: tuple[str, ...] = option(
        ("127.0.0.1", "::1"),
        kind=NETWORKS,
        cli=("--metrics-allow-ips",),
        doc="The peers that are given the figures: addresses and networks, divided by commas, or `*` for everybody. "
        "Whoever connects by a Unix socket is.",
    )
