"""A module imports only from floors below its own, and within its folder from what docs/design.md lists above it."""

from __future__ import annotations

import pytest

from tests.architecture.floors import Floors
from tests.support.design import Place, floor_places, modules_in_order
from tests.support.paths import PACKAGE, python_sources, shown
from tests.support.sources import imports, module_name, parsed

COMPILED = "longma._core"


@pytest.fixture(scope="module")
def floors() -> Floors:
    return Floors(floor_places(), modules_in_order())


def test_the_table_and_the_tree_are_read_from_the_page():
    places, listed = floor_places(), modules_in_order()
    assert places["errors"] == Place(floor=0, position=0, is_folder=False)
    assert places["config"] == Place(floor=1, position=0, is_folder=True)
    assert places["cli"].floor > places["master"].floor > places["workers"].floor > places["gateway"].floor
    assert listed["config"][0] == "option"
    assert "models/inline" in listed["workers"]


def test_every_module_has_its_place(floors: Floors):
    homeless = []
    for path in python_sources():
        top, *rest = path.relative_to(PACKAGE).with_suffix("").parts
        module = "/".join(rest)
        listed = module in ("", "__init__") or floors.order(top, module) is not None
        if top != "__init__" and not (top in floors.places and listed):
            homeless.append(shown(path))
    assert homeless == []


def test_imports_go_down_only(floors: Floors):
    names = {module_name(path): path for path in python_sources()}
    modules = {name.removesuffix(".__init__") for name in names} | {COMPILED}
    faults = []
    for name, path in names.items():
        for found in imports(parsed(path), name, modules):
            if found.module.split(".")[0] != "longma":
                continue
            if found.module not in modules:
                faults.append(f"{shown(path)}:{found.line}: there is no module {found.module}")
            elif why := floors.fault(name, found.module):
                faults.append(f"{shown(path)}:{found.line}: {why}")
    assert faults == []


HOUSE = Floors(
    {
        "cli": Place(3, 0, True),
        "net": Place(2, 0, True),
        "logs": Place(2, 1, True),
        "config": Place(1, 0, True),
        "errors": Place(0, 0, False),
        "clock": Place(0, 1, False),
    },
    {"config": ["option", "sections/*", "resolve"], "cli": ["main"], "net": ["address"], "logs": ["setup"]},
)


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("longma.cli.main", "longma.config.resolve"),
        ("longma.config.resolve", "longma.config.option"),
        ("longma.config.resolve", "longma.config.sections"),
        ("longma.config.sections.__init__", "longma.config.sections.server"),
        ("longma.config.sections.server", "longma.config.option"),
        ("longma.clock", "longma.errors"),
        ("longma.net.address", "longma"),
    ],
)
def test_an_import_from_below_is_allowed(importer: str, imported: str):
    assert HOUSE.fault(importer, imported) is None


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("longma.config.resolve", "longma.net.address"),
        ("longma.net.address", "longma.logs.setup"),
        ("longma.logs.setup", "longma.net.address"),
        ("longma.config.option", "longma.config.resolve"),
        ("longma.config.option", "longma.config.sections"),
        ("longma.config.option", "longma.config"),
        ("longma.config.sections.server", "longma.config.sections.logging"),
        ("longma.errors", "longma.clock"),
        ("longma.__init__", "longma.errors"),
        ("longma.cli.main", "longma.attic.box"),
        ("longma.config.attic", "longma.config.option"),
    ],
)
def test_any_other_import_is_a_fault(importer: str, imported: str):
    assert HOUSE.fault(importer, imported) is not None
