"""How many processors there are for us, by pretended control groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from longma.config import cpus


@pytest.fixture(autouse=True)
def sixteen_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))


class Groups:
    """A pretended mount of control groups, and the file that names a process's own."""

    def __init__(self, directory: Path) -> None:
        self.mount = directory / "cgroup"
        self.membership = directory / "membership"
        self.mount.mkdir()

    def write(self, path: str, **files: str) -> None:
        folder = self.mount / path
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text + "\n")

    def available(self, *lines: str) -> int:
        self.membership.write_text("".join(line + "\n" for line in lines))
        return cpus.available(str(self.mount), str(self.membership))


@pytest.fixture
def groups(tmp_path: Path) -> Groups:
    return Groups(tmp_path)


@pytest.mark.parametrize(
    ("quota", "count"),
    [
        ("max 100000", 16),
        ("200000 100000", 2),
        ("50000 100000", 1),
        ("150000 100000", 2),
        ("100001 100000", 2),
        ("3000000 100000", 16),
        ("0 100000", 1),
        ("nonsense", 16),
        ("100000", 16),
        ("100000 0", 16),
        ("", 16),
    ],
)
def test_a_quota_of_version_2_counts_rounded_up(groups: Groups, quota: str, count: int):
    groups.write("shop", cpu__max=quota)
    assert groups.available("0::/shop") == count


def test_the_least_quota_of_nested_groups_counts(groups: Groups):
    groups.write("a", cpu__max="300000 100000")
    groups.write("a/b", cpu__max="max 100000")
    groups.write("a/b/c", cpu__max="800000 100000")
    assert groups.available("0::/a/b/c") == 3
    groups.write("a/b/c", cpu__max="200000 100000")
    assert groups.available("0::/a/b/c") == 2


@pytest.mark.parametrize("path", ["/", "/docker/0123", "/../shop", "/.."])
def test_in_a_container_the_root_is_the_group(groups: Groups, path: str):
    groups.write(".", cpu__max="400000 100000")
    assert groups.available(f"0::{path}") == 4


@pytest.mark.parametrize("folder", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize("controllers", ["cpu", "cpu,cpuacct"])
def test_a_quota_of_version_1_counts_too(groups: Groups, folder: str, controllers: str):
    groups.write(f"{folder}/shop", cpu__cfs_quota_us="500000", cpu__cfs_period_us="100000")
    assert groups.available("7:memory:/shop", f"4:{controllers}:/shop", "0::/") == 5
    groups.write(folder, cpu__cfs_quota_us="250000", cpu__cfs_period_us="100000")
    assert groups.available(f"4:{controllers}:/shop") == 3


def test_no_quota_of_version_1_is_minus_one(groups: Groups):
    groups.write("cpu/shop", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    assert groups.available("4:cpu:/shop") == 16


def test_another_controller_is_not_asked(groups: Groups):
    groups.write("cpuset/shop", cpu__cfs_quota_us="100000", cpu__cfs_period_us="100000")
    assert groups.available("4:cpuset:/shop") == 16


def test_both_versions_may_be_there_at_once(groups: Groups):
    groups.write("cpu/shop", cpu__cfs_quota_us="500000", cpu__cfs_period_us="100000")
    groups.write("unified/shop", cpu__max="600000 100000")
    assert groups.available("4:cpu:/shop", "0::/shop") == 5
    groups.write("unified/shop", cpu__max="300000 100000")
    assert groups.available("4:cpu:/shop", "0::/shop") == 3


def test_without_control_groups_affinity_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    nowhere = str(tmp_path / "nowhere")
    assert cpus.available(nowhere, nowhere) == 16
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {5})
    assert cpus.available(nowhere, nowhere) == 1


def test_affinity_below_the_quota_counts(groups: Groups, monkeypatch: pytest.MonkeyPatch):
    groups.write("shop", cpu__max="800000 100000")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2})
    assert groups.available("0::/shop") == 3


def test_where_affinity_is_unknown_the_machine_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert cpus.available(str(tmp_path), str(tmp_path / "nowhere")) == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cpus.available(str(tmp_path), str(tmp_path / "nowhere")) == 1


def test_this_machine_has_at_least_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    assert 1 <= cpus.available() <= (os.cpu_count() or 1)
