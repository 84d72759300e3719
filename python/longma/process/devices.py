"""The devices (GPUs) that are leased to workers: which there are, and how a worker is confined to one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from longma.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

AUTO: Final = "auto"
_VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
_ORDER: Final = "CUDA_DEVICE_ORDER"
_MIG_ENABLED: Final = 1


def discover(wanted: tuple[str, ...], environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the devices to lease: those named, or for "auto" those that are there.

    `CUDA_VISIBLE_DEVICES` of the server's own environment bounds "auto": what is not in it belongs to somebody else.
    Without it NVIDIA's management library is asked (the package nvidia-ml-py). A device that is divided (MIG) counts
    as its parts.

    Raises:
        OperatorError: "auto" finds none, or cannot look.
    """
    if wanted != (AUTO,):
        return wanted
    visible = (os.environ if environ is None else environ).get(_VISIBLE)
    if visible is not None:
        # CUDA itself ignores whatever stands behind an invalid number, which is how "-1" hides all.
        found = []
        for name in visible.split(","):
            if not name.strip() or name.strip().startswith("-"):
                break
            found.append(name.strip())
    else:
        found = list(_installed())
    if not found:
        where = f"{_VISIBLE}={visible}" if visible is not None else "this machine"
        raise OperatorError(f"devices = auto: there is no device in {where}; name them, or leave the setting out")
    return tuple(found)


def environment(device: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment variables that confine a process to a device, whatever library it uses CUDA by."""
    order = (os.environ if environ is None else environ).get(_ORDER)
    # By default CUDA counts the fastest device first; the operator, like nvidia-smi and "auto", counts as they sit on
    # the bus.
    by_bus = {_ORDER: "PCI_BUS_ID"} if order is None and device.isdecimal() else {}
    return {_VISIBLE: device, **by_bus}


def _installed() -> Iterator[str]:
    """Yield what the management library sees: numbers, and the names of the parts of divided devices."""
    try:
        import pynvml  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise OperatorError(
            'devices = auto needs the package nvidia-ml-py: pip install "longma[gpu]"; or name the devices'
        ) from error
    try:
        pynvml.nvmlInit()
        try:
            for number in range(pynvml.nvmlDeviceGetCount()):
                parts = tuple(_parts(pynvml, pynvml.nvmlDeviceGetHandleByIndex(number)))
                yield from parts or (str(number),)
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        raise OperatorError(f"devices = auto: NVIDIA's management library says: {error}; name the devices") from error


def _parts(pynvml: Any, handle: object) -> Iterator[str]:
    """Yield the names of the parts of a device that is divided."""
    try:
        mode, _ = pynvml.nvmlDeviceGetMigMode(handle)
    except pynvml.NVMLError:
        return  # a device that cannot be divided
    if mode != _MIG_ENABLED:
        return
    for number in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            part = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)
        except pynvml.NVMLError:
            continue  # the numbers of parts that were not made are free
        name = pynvml.nvmlDeviceGetUUID(part)
        yield name.decode() if isinstance(name, bytes) else name
