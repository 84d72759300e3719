"""The table of servers, whole."""

from __future__ import annotations

from .fronts import FRONTS
from .models import MODELS
from .servers import PLAIN

SERVERS = (*PLAIN, *MODELS, *FRONTS)
