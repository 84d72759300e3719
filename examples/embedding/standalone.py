"""A program that was made for Gunicorn: its import line is all that has changed."""

import os
from typing import Any

from longma.app.gunicorn import BaseApplication


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello from a program\n"]


class StandaloneApplication(BaseApplication):
    def __init__(self, app: Any, options: dict[str, Any] | None = None) -> None:
        self.options = options or {}
        self.application = app
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            if name in self.cfg.settings and value is not None:
                self.cfg.set(name.lower(), value)

    def load(self) -> Any:
        return self.application


if __name__ == "__main__":
    options = {"bind": os.environ.get("BIND", "127.0.0.1:8000"), "workers": 2, "not_a_setting": None}
    StandaloneApplication(application, options).run()
