"""Which devices there are, by a management library that pretends to be NVIDIA's."""
# ruff: noqa: N802 (the names are the library's)

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from longma.errors import OperatorError
from longma.process.devices import discover, environment


class NVMLError(Exception):
    """What the library raises."""


class Pretended:
    """The functions of pynvml that are used. Each card is None, or the names of the parts it is divided into."""

    NVMLError = NVMLError

    def __init__(self, cards: list[list[str] | None], failure: str | None = None) -> None:
        self.cards = cards
        self.failure = failure
        self.open = 0

    def nvmlInit(self) -> None:
        if self.failure is not None:
            raise NVMLError(self.failure)
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, number: int) -> SimpleNamespace:
        return SimpleNamespace(parts=self.cards[number])

    def nvmlDeviceGetMigMode(self, card: SimpleNamespace) -> tuple[int, int]:
        if card.parts is None:
            raise NVMLError("Not Supported")
        return int(bool(card.parts)), int(bool(card.parts))

    def nvmlDeviceGetMaxMigDeviceCount(self, card: SimpleNamespace) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, card: SimpleNamespace, number: int) -> SimpleNamespace:
        if number % 2 or number // 2 >= len(card.parts):
            raise NVMLError("Not Found")
        return SimpleNamespace(name=card.parts[number // 2])

    def nvmlDeviceGetUUID(self, part: SimpleNamespace) -> str | bytes:
        return part.name


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch):
    """Put a pretended library in the place of the real one."""

    def install(cards: list[list[str] | None], failure: str | None = None) -> Pretended:
        library = Pretended(cards, failure)
        monkeypatch.setitem(sys.modules, "pynvml", library)  # type: ignore[arg-type]
        return library

    return install


@pytest.fixture(autouse=True)
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)  # type: ignore[arg-type]


def refused(environ: dict[str, str]) -> str:
    with pytest.raises(OperatorError) as caught:
        discover(("auto",), environ)
    return str(caught.value)


@pytest.mark.parametrize("wanted", [(), ("0", "1"), ("GPU-1f", "0"), ("2", "2")])
def test_devices_that_are_named_need_nothing(wanted: tuple[str, ...]):
    assert discover(wanted, {"CUDA_VISIBLE_DEVICES": "7"}) == wanted


def test_the_library_counts_what_is_there(pretend):
    library = pretend([None, [], None])
    assert discover(("auto",), {}) == ("0", "1", "2")
    assert library.open == 0


def test_a_divided_device_counts_as_its_parts(pretend):
    pretend([None, ["MIG-a", b"MIG-b"]])
    assert discover(("auto",), {}) == ("0", "MIG-a", "MIG-b")


@pytest.mark.parametrize(
    ("visible", "devices"),
    [("2,3", ("2", "3")), ("GPU-1f, GPU-2f", ("GPU-1f", "GPU-2f")), ("1,-1,2", ("1",)), ("0,,1", ("0",))],
)
def test_what_the_server_may_see_is_all_there_is(visible: str, devices: tuple[str, ...]):
    assert discover(("auto",), {"CUDA_VISIBLE_DEVICES": visible}) == devices


@pytest.mark.parametrize("visible", ["", "-1", "NoDevFiles,"])
def test_a_server_that_may_see_none_is_told(visible: str):
    if visible.startswith("No"):
        assert discover(("auto",), {"CUDA_VISIBLE_DEVICES": visible}) == ("NoDevFiles",)
        return
    assert refused({"CUDA_VISIBLE_DEVICES": visible}) == (
        f"devices = auto: there is no device in CUDA_VISIBLE_DEVICES={visible}; name them, or leave the setting out"
    )


def test_a_machine_without_devices_is_told(pretend):
    pretend([])
    assert refused({}) == "devices = auto: there is no device in this machine; name them, or leave the setting out"


def test_a_missing_library_is_named():
    assert refused({}) == (
        'devices = auto needs the package nvidia-ml-py: pip install "longma[gpu]"; or name the devices'
    )


def test_a_library_without_a_driver_is_told(pretend):
    pretend([], failure="Driver Not Loaded")
    assert refused({}) == "devices = auto: NVIDIA's management library says: Driver Not Loaded; name the devices"


@pytest.mark.parametrize(
    ("device", "environ", "variables"),
    [
        ("1", {}, {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}),
        ("1", {"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}, {"CUDA_VISIBLE_DEVICES": "1"}),
        ("GPU-1f", {}, {"CUDA_VISIBLE_DEVICES": "GPU-1f"}),
    ],
)
def test_a_worker_is_confined_to_its_device(device: str, environ: dict[str, str], variables: dict[str, str]):
    assert environment(device, environ) == variables
