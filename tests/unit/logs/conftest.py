"""What the tests of the logs share."""

from __future__ import annotations

import pytest

from longma.logs import bridge


@pytest.fixture(autouse=True)
def loggers_that_nobody_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process pytest puts handlers of its own on every logger, which would make them a site's own."""

    def unchanged(name: str, level: int) -> None:
        return None

    monkeypatch.setattr(bridge, "site_logger", unchanged)
