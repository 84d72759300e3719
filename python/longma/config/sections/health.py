"""What tells a load balancer, or whoever starts and stops the server, whether it is well."""

from __future__ import annotations

from longma.config.option import Section, option
from longma.config.parsers import OWN_PATH, SECONDS


class Health(Section):
    """What tells a load balancer, or whoever starts and stops the server, whether it is well.

    The engine gives these answers by itself, also while the applications of all workers are busy.
    """

    __slots__ = ()
    title = "Health"

    health_path: str = option(
        "",
        kind=OWN_PATH,
        cli=("--health-path",),
        doc="The path, `/-/health` say, that is answered with 200 and `ok` as long as the server is up, whatever the "
        "application does. The request's target is compared as it came, without its query; any Host will do. Empty: "
        "the path is the application's.",
    )
    drain_delay: float = option(
        0.0,
        kind=SECONDS,
        cli=("--drain-delay",),
        unit="seconds",
        doc="How long the server goes on as before when TERM tells it to stop, except that `health_path` is answered "
        "with 503, so that a load balancer sends nothing more by the time the listeners close. `graceful_timeout` "
        "begins behind it. Another TERM ends it; INT and QUIT stop at once.",
    )
