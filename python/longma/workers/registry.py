"""The worker classes by the names that the setting `worker_class` has settled on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longma.errors import OperatorError

if TYPE_CHECKING:
    from longma.workers.model import ModelFactory


class WorkerClassError(OperatorError):
    """There is no worker class of this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"worker_class: {name!r} is not available yet; this version has 'sync'")


def model_named(name: str) -> ModelFactory:
    """Return what makes the model; its module is imported here, before the fork, for its pages to be shared.

    Raises:
        WorkerClassError: there is no such worker class.
    """
    if name == "sync":
        from longma.workers.models.inline import inline_model

        return inline_model
    raise WorkerClassError(name)
