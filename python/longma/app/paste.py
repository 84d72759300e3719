"""PasteDeploy's way to start a server: `use = egg:longma#main` in the section [server:main] of an ini file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longma.app import embed
from longma.config.given import Given

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longma.typing import WSGIApplication


def serve(app: WSGIApplication, global_conf: Mapping[str, Any] | None, **local_conf: Any) -> None:
    """Serve an application that PasteDeploy has made.

    Args:
        app: the application; it stays the same over every reload.
        global_conf: what the section [DEFAULT] says, and the file it stands in.
        local_conf: `host`, with `port` or as a list that commas separate; and any setting, by its name.

    Raises:
        LongmaError: the settings are wrong, or something that they ask for cannot be had.
        SystemExit: the server failed; and in each worker process when it ends.
    """
    host, port = local_conf.pop("host", ""), local_conf.pop("port", "")
    if host or port:
        local_conf["bind"] = f"{host}:{port}" if port else [one.strip() for one in host.split(",")]
    file = (global_conf or {}).get("__file__")
    # The command line is that of the program which has read the file, such as pserve.
    embed.run(embed.settled(Given(local_conf, {"default_proc_name": file} if file else {})), application=app)
