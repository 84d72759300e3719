"""What hooks get as `server.cfg` and `worker.cfg`: the settings as Gunicorn's code and its users' expect them.

Lists are lists, seconds without a fraction are whole numbers, a hook that nobody gave is a function that does nothing,
and settings that longma refuses hold the value that asks for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from longma.config.addresses import InheritedAddress, UnixAddress, parse
from longma.config.callables import Hook
from longma.config.later import LATER
from longma.config.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longma.config.addresses import Address

# A list here, for the names that clients ask for; what knows one file only gets the first.
_FILES: Final = ("certfile", "keyfile")
_TLS: Final = (
    *("keyfile", "certfile", "ssl_version", "cert_reqs", "ca_certs"),
    *("suppress_ragged_eofs", "do_handshake_on_connect", "ciphers"),
)


class Setting(NamedTuple):
    """One setting, as `cfg.settings["backlog"]` gives it."""

    name: str
    value: Any
    default: Any

    def get(self) -> Any:
        return self.value


class Config:
    """The settings in force, read only.

    Args:
        settings: the values.
    """

    __slots__ = ("_settings",)

    _settings: Settings
    # Said here for those of our own modules that read them by Gunicorn's way.
    workers: int
    timeout: float

    def __init__(self, settings: Settings) -> None:
        object.__setattr__(self, "_settings", settings)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return _seen(name, self._settings.value_of(name))
        except KeyError:
            return _refused(name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings cannot be changed while the server runs; give {name} in the configuration file")

    def set(self, name: str, value: object) -> None:
        """Refuse: what was started with other settings would not notice."""
        if name not in self.settings:
            raise AttributeError(f"there is no setting {name!r}")
        setattr(self, name, value)

    def __str__(self) -> str:
        return "\n".join(f"{name:<33} = {setting.value!r}" for name, setting in sorted(self.settings.items()))

    @property
    def settings(self) -> Mapping[str, Setting]:
        """Every setting by name."""
        given = self._settings.as_mapping()
        defaults = Settings().as_mapping()
        known = {name: Setting(name, _seen(name, given[name]), _seen(name, defaults[name])) for name in given}
        refused = {later.name: Setting(later.name, value := _refused(later.name), value) for later in LATER}
        return {**known, **refused}

    @property
    def address(self) -> list[tuple[str, int] | str | int]:
        """The addresses of `bind`: (host, port), the path of a Unix socket, or the number of a descriptor."""
        return [_as_gunicorns_address(parse(text)) for text in self._settings.bind]

    @property
    def uid(self) -> int:
        return self._settings.user

    @property
    def gid(self) -> int:
        return self._settings.group

    @property
    def env(self) -> dict[str, str]:
        """The variables of `raw_env`."""
        return dict(item.split("=", 1) for item in self._settings.raw_env)

    @property
    def paste_global_conf(self) -> dict[str, str]:
        """The variables of `raw_paste_global_conf`."""
        return dict(_paste_variable(item) for item in self._settings.raw_paste_global_conf)

    @property
    def proc_name(self) -> str:
        return self._settings.proc_name or self._settings.default_proc_name

    @property
    def worker_class_str(self) -> str:
        return self._settings.worker_class

    @property
    def is_ssl(self) -> bool:
        return bool(self.certfile or self.keyfile)

    @property
    def ssl_options(self) -> dict[str, Any]:
        """The settings of TLS by name."""
        return {name: getattr(self, name) for name in _TLS}


def _seen(name: str, value: Any) -> Any:
    """Return the value of a setting of the table as hooks see it."""
    is_hook = isinstance(getattr(Settings, name).kind, Hook)
    if name == "ssl_context" and value is None:
        return _default_context
    if name in _FILES:
        return value[0] if value else None
    if name == "statsd_host" and value is not None:
        host, _, port = value.rpartition(":")
        return value.removeprefix("unix://") if value.startswith("unix://") else (host, int(port))
    return _nothing if is_hook and value is None else _as_gunicorns(value)


def _as_gunicorns(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _refused(name: str) -> Any:
    """Return what a setting that longma does not have holds: what asks for nothing."""
    for later in LATER:
        if later.name == name:
            if not later.flags and later.default is None:
                return _nothing  # a hook
            return [] if later.repeat else _as_gunicorns(later.default)
    raise AttributeError(f"there is no setting {name!r}")


def _nothing(*arguments: object) -> None:
    """Be a hook that nobody gave."""


def _default_context(config: object, default_factory: Any) -> Any:
    return default_factory()


def _as_gunicorns_address(address: Address) -> tuple[str, int] | str | int:
    if isinstance(address, UnixAddress):
        return address.path
    return address.descriptor if isinstance(address, InheritedAddress) else (address.host, address.port)


def _paste_variable(item: str) -> tuple[str, str]:
    name, _, value = item.replace("\\=", "\0").partition("=")
    return name.replace("\0", "="), value.replace("\0", "=")
