"""What a worker does before it serves, done without serving: for whoever asks whether it would succeed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from longma.config.settings import Settings


def rehearse(settings: Settings, load: Callable[[], object]) -> list[str]:
    """Load worker class and application as a worker would: with its variables, in its directory, by its search path.

    Args:
        settings: what the worker would be started with.
        load: loads the application.

    Returns:
        What the operator is to know of the certificates, a line each.

    Raises:
        LongmaError: a worker could not serve with these settings.
    """
    from longma.gateway import loader, search_path
    from longma.process.variables import Variables
    from longma.workers import registry

    variables = Variables()
    variables.apply(settings.raw_env)
    try:
        loader.enter(settings.chdir)
        search_path.extend(settings.pythonpath)
        registry.model_for(settings)
        warnings = _certificates(settings)
        load()
    finally:
        variables.apply(())
    return warnings


def _certificates(settings: Settings) -> list[str]:
    """Read the files of TLS as the master would.

    Raises:
        LongmaError: they do not allow it.
    """
    from longma.net.tls import is_wanted

    if not is_wanted(settings):
        return []
    from longma.workers.tls import Secrecy

    return Secrecy(settings).warnings
