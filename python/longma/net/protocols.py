"""What is spoken on a listener: what its address in `bind` says, or else `protocol`.

The settings say it, not the listener: it stays open over a reload, and workers from before go on as they began.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from longma.config.addresses import UnixAddress, divided, parse

if TYPE_CHECKING:
    from longma.config.addresses import Address
    from longma.config.settings import Settings
    from longma.net.listeners import Listener


def spoken(listener: Listener, settings: Settings) -> str:
    """Return the name of the protocol."""
    for text in settings.bind:
        if _is_same(parse(text), listener.address):
            return divided(text)[0] or settings.protocol
    return settings.protocol


def url(listener: Listener, settings: Settings) -> str:
    """Return what the log calls the listener, `uwsgi://127.0.0.1:3031` or `uwsgi://unix:/run/app.sock`."""
    protocol = spoken(listener, settings)
    return listener.url if protocol == "http" else f"{protocol}://{listener.url.removeprefix('http://')}"


def _is_same(wanted: Address, address: Address) -> bool:
    if isinstance(wanted, UnixAddress) and isinstance(address, UnixAddress) and not wanted.is_abstract:
        return os.path.abspath(wanted.path) == os.path.abspath(address.path)
    return wanted == address
