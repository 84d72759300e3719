"""The counters of control groups, from files as the kernel writes them, and from this machine's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from longma.process.oom import OomKills

EVENTS = "low 0\nhigh 7\nmax 9\noom 4\noom_kill {}\noom_group_kill 1\n"
CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"


class Groups:
    """A tree like /sys/fs/cgroup and a file like /proc/self/cgroup."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "cgroup"
        self.membership = directory / "membership"

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def kills(self, membership: str) -> OomKills:
        self.membership.write_text(membership)
        return OomKills(str(self.root), str(self.membership))


@pytest.fixture
def groups(tmp_path: Path) -> Groups:
    return Groups(tmp_path)


def test_version_2_counts_in_our_group(groups: Groups):
    groups.write("memory.events", EVENTS.format(99))
    groups.write("system.slice/app.service/memory.events", EVENTS.format(3))
    kills = groups.kills("0::/system.slice/app.service\n")
    assert kills.count() == 3
    groups.write("system.slice/app.service/memory.events", EVENTS.format(4))
    assert kills.count() == 4


def test_a_group_without_a_counter_is_counted_by_the_one_above(groups: Groups):
    groups.write("system.slice/memory.events", EVENTS.format(5))
    (groups.root / "system.slice" / "app.service" / "workers").mkdir(parents=True)
    assert groups.kills("0::/system.slice/app.service/workers\n").count() == 5


@pytest.mark.parametrize("path", ["/", "/docker/0a1b", "/../..", "/a:b"])
def test_in_a_container_our_group_may_be_mounted_as_the_root(groups: Groups, path: str):
    groups.write("memory.events", EVENTS.format(2))
    assert groups.kills(f"0::{path}\n").count() == 2


def test_version_1_counts_in_the_hierarchy_of_memory(groups: Groups):
    groups.write("memory/user/memory.oom_control", CONTROL.format(1))
    groups.write("memory/user/app/memory.oom_control", CONTROL.format(6))
    text = "12:cpu,cpuacct:/elsewhere\n9:memory:/user/app\n1:name=systemd:/user\n"
    assert groups.kills(text).count() == 6


def test_where_both_versions_are_mounted_the_one_with_the_memory_counts(groups: Groups):
    groups.write("unified/app/cgroup.events", "populated 1\n")
    groups.write("memory/app/memory.oom_control", CONTROL.format(8))
    assert groups.kills("9:memory:/app\n0::/app\n").count() == 8
    groups.write("unified/app/memory.events", EVENTS.format(1))
    assert groups.kills("9:memory:/app\n0::/app\n").count() == 1


def test_an_old_kernel_that_does_not_count_says_nothing(groups: Groups):
    groups.write("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n")
    assert groups.kills("9:memory:/\n").count() is None


@pytest.mark.parametrize("membership", ["", "rubbish\n", "0::/app\n"])
def test_nobody_may_count(groups: Groups, membership: str):
    assert groups.kills(membership).count() is None


def test_a_group_that_is_gone_says_nothing(groups: Groups):
    groups.write("app/memory.events", EVENTS.format(3))
    kills = groups.kills("0::/app\n")
    (groups.root / "app" / "memory.events").unlink()
    assert kills.count() is None


def test_a_system_without_groups_says_nothing(tmp_path: Path):
    assert OomKills(str(tmp_path), str(tmp_path / "missing")).count() is None


def test_this_machine_can_be_asked():
    count = OomKills().count()
    assert count is None or count >= 0
