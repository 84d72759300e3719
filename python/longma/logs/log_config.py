"""The standard library's logging set up as `logconfig_dict`, `logconfig_json` or `logconfig` says."""

from __future__ import annotations

import configparser
import logging
import logging.config
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from longma.errors import OperatorError
from longma.logs.handlers import ERROR_FORMAT
from longma.logs.record import ACCESS_LOG, DATE_FORMAT, ERROR_LOG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What the standard library raises for a mistake in what it is given.
MISTAKES = (
    *(ValueError, TypeError, KeyError, AttributeError, ImportError, IndexError, NameError, SyntaxError, OSError),
    *(RuntimeError, configparser.Error),
)


class LogConfigError(OperatorError):
    """A configuration of the standard library's logging cannot be used."""

    def __init__(self, setting: str, reason: str) -> None:
        self.setting = setting
        super().__init__(f"{setting}: {' '.join(reason.split())}")


def defaults() -> dict[str, Any]:
    """What holds where a dictionary says nothing, key by key of its first level: as Gunicorn has it."""
    generic = {"format": ERROR_FORMAT, "datefmt": DATE_FORMAT, "class": "logging.Formatter"}
    stream = {"class": "logging.StreamHandler", "formatter": "generic"}
    logger = {"level": "INFO", "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "root": {"level": "INFO", "handlers": ["console"]},
        "loggers": {
            ERROR_LOG: {**logger, "handlers": ["error_console"], "qualname": ERROR_LOG},
            ACCESS_LOG: {**logger, "handlers": ["console"], "qualname": ACCESS_LOG},
        },
        "handlers": {
            "console": {**stream, "stream": "ext://sys.stdout"},
            "error_console": {**stream, "stream": "ext://sys.stderr"},
        },
        "formatters": {"generic": generic},
    }


def configure(cfg: Any) -> None:
    """Apply the first that is given of `logconfig_dict`, `logconfig_json` and `logconfig`.

    Raises:
        LogConfigError: it cannot be read or applied.
    """
    if cfg.logconfig_dict:
        apply("logconfig_dict", lambda: from_dictionary(cfg.logconfig_dict))
    elif cfg.logconfig_json:
        apply("logconfig_json", lambda: from_json(cfg.logconfig_json))
    elif cfg.logconfig:
        apply("logconfig", lambda: from_ini(cfg.logconfig))


def from_dictionary(given: dict[str, Any]) -> None:
    logging.config.dictConfig({**defaults(), **given})


def from_json(path: str) -> None:
    import json

    with open(path, encoding="utf-8") as file:
        given = json.load(file)
    if not isinstance(given, dict):
        raise ValueError(f"{path} does not hold an object")
    from_dictionary(given)


def from_ini(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        variables = {"__file__": path, "here": os.path.dirname(os.path.abspath(path))}
        logging.config.fileConfig(file, defaults=variables, disable_existing_loggers=False)


def apply(setting: str, action: Callable[[], None]) -> None:
    """Set logging up by an action.

    Raises:
        LogConfigError: it has failed.
    """
    try:
        action()
    except MISTAKES as error:
        raise LogConfigError(setting, reason_of(error)) from error


@contextmanager
def restored_on_failure() -> Iterator[None]:
    """Give every logger back what it had where the body of the `with` raises.

    Handlers that were closed meanwhile are so no longer: those of the library open their files again when they write.
    """
    before = [(logger, *state_of(logger)) for logger in loggers()]
    try:
        yield
    except BaseException:
        kept = {handler for _, _, handlers, _, _ in before for handler in handlers}
        for logger in loggers():
            for handler in [handler for handler in logger.handlers if handler not in kept]:
                logger.removeHandler(handler)
                handler.close()
        for logger, level, handlers, propagate, disabled in before:
            logger.setLevel(level)
            logger.handlers[:] = handlers
            logger.propagate, logger.disabled = propagate, disabled
        raise


def state_of(logger: logging.Logger) -> tuple[int, list[logging.Handler], bool, bool]:
    return logger.level, list(logger.handlers), logger.propagate, logger.disabled


def loggers() -> list[logging.Logger]:
    """Every logger there is, the root first."""
    known = list(logging.root.manager.loggerDict.values())
    return [logging.root, *(logger for logger in known if isinstance(logger, logging.Logger))]


def reason_of(error: BaseException) -> str:
    """The words of an error, and of what has led to it."""
    words = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    return f"{words}: {reason_of(error.__cause__)}" if error.__cause__ is not None else words
