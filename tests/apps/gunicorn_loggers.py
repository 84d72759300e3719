"""A logger that a site has derived from Gunicorn's own, as its documentation shows."""

from __future__ import annotations

import logging
from typing import Any

from gunicorn.glogging import Logger


class Custom(Logger):
    """Another form for errors, another atom for accesses."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self._set_handler(self.error_log, cfg.errorlog, logging.Formatter("custom|%(levelname)s|%(message)s"))

    def atoms(self, resp: Any, req: Any, environ: Any, request_time: Any) -> Any:
        return {**super().atoms(resp, req, environ, request_time), "{site}x": "of-the-site"}
