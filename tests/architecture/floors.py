"""The rule of the floors, apart from the files it is applied to."""

from __future__ import annotations

from fnmatch import fnmatchcase

from tests.support.design import Place


class Floors:
    """Says of one module and one import whether the table and the tree of docs/design.md allow it."""

    def __init__(self, places: dict[str, Place], listed: dict[str, list[str]]) -> None:
        self.places = places
        self.listed = listed

    def fault(self, importer: str, imported: str) -> str | None:
        """Why `importer` may not import `imported`, both whole module names; None where it may."""
        here, there = importer.split(".")[1:], imported.split(".")[1:]
        if not there:
            return None  # the root package holds the version and imports nothing
        if here == ["__init__"]:
            return "the root package imports nothing of its own"
        for top in (here[0], there[0]):
            if top not in self.places:
                return f"{top} has no floor in docs/design.md"
        if here[0] == there[0]:
            return self._fault_within(here[0], "/".join(here[1:]), "/".join(there[1:]))
        return self._fault_between(here[0], there[0])

    def _fault_between(self, importer: str, imported: str) -> str | None:
        here, there = self.places[importer], self.places[imported]
        if there.floor < here.floor:
            return None
        if there.floor > here.floor:
            return f"{importer} stands on F{here.floor}, {imported} above it on F{there.floor}"
        if here.is_folder or there.position > here.position:
            return f"{imported} stands beside {importer} on F{here.floor}"
        return None

    def _fault_within(self, folder: str, importer: str, imported: str) -> str | None:
        if importer == "__init__":
            return None  # a folder's own front may show what is in the folder
        if not imported:
            return f"a module of {folder}/ imports the front of its own folder"
        here, there = self.order(folder, importer), self.order(folder, imported)
        for name, index in ((importer, here), (imported, there)):
            if index is None:
                return f"{folder}/{name} is not listed in docs/design.md"
        assert here is not None
        assert there is not None
        if there < here or importer == f"{imported.rpartition('/')[0]}/__init__":
            return None
        return f"{folder}/{imported} is not listed before {folder}/{importer}"

    def order(self, folder: str, module: str) -> int | None:
        """Where the tree lists this module of the folder; a subfolder's front stands with the last of its modules."""
        front = module.removesuffix("/__init__")
        places = [
            index
            for index, pattern in enumerate(self.listed.get(folder, []))
            if fnmatchcase(module, pattern) or pattern.startswith(f"{front}/")
        ]
        return places[-1] if places else None
