"""The worker classes by the names that the setting `worker_class` has settled on."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from longma.config.addresses import divided

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longma.config.settings import Settings
    from longma.workers.model import ModelFactory


def model_for(settings: Settings, changeable: Sequence[str] = ()) -> ModelFactory:
    """Return what `model_named` does for these settings.

    Raises:
        WorkerClassError: also where it serves by itself, and is to speak what only the engine does.
    """
    model = model_named(settings.worker_class, changeable)
    asked = {divided(text)[0] or settings.protocol for text in settings.bind} - {"http"}
    if asked:
        from longma.workers.contract import WorkerClassError, foreign

        if foreign(model):
            others = ", ".join(sorted(asked))
            raise WorkerClassError(settings.worker_class, f"speaks HTTP only, and bind or protocol asks for {others}")
    return model


def model_named(name: str, changeable: Sequence[str] = ()) -> ModelFactory:
    """Return what makes the model, or the class that serves by itself, which `workers/main.py` tells from it.

    Its module is imported here, before the fork, for its pages to be shared.

    Args:
        name: of the class, or its path.
        changeable: directories whose modules may have changed since they were imported, and so are imported anew.

    Raises:
        WorkerClassError: there is no such worker class, or what it needs is not installed, or too old.
    """
    if name == "sync":
        from longma.workers.models.inline import inline_model

        return inline_model
    if name == "gthread":
        from longma.workers.models.threads import threads_model

        return threads_model
    from longma.workers.contract import ForeignClass, WorkerClassError, find
    from longma.workers.extras import EXTRAS, lacking

    if name not in EXTRAS:
        return cast("ModelFactory", find(name, changeable))
    if (reason := lacking(name)) is not None:
        raise WorkerClassError(name, reason)
    try:
        if name == "tornado":
            from longma.workers.tornado import TornadoWorker

            return cast("ModelFactory", ForeignClass(name, TornadoWorker))
        from longma.workers.models import greenlets

        return greenlets.gevent_model() if name == "gevent" else greenlets.eventlet_model()
    except ImportError as error:
        # Made for another Python, say, or without a library of its own.
        raise WorkerClassError(name, f"needs {EXTRAS[name].library}, which cannot be imported: {error}") from error
