"""The inline model: one request at a time, on the main thread, which drives the engine's loop itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longma.workers.engine import make_engine

if TYPE_CHECKING:
    from longma.typing import WSGIApplication
    from longma.workers.model import Assignment, Model


def inline_model(application: WSGIApplication, assignment: Assignment) -> Model:
    """Return the engine, which is this model: it calls the application from the thread that runs it."""
    return make_engine(application, assignment)
