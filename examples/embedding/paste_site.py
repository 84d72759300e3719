"""What site.ini names: it makes the application."""

from typing import Any


def make(global_conf: dict[str, str], **settings: str) -> Any:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"Hello from an ini file\n"]

    return application
