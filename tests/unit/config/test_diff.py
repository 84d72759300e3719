"""Which changes of the settings a reload leaves undone."""

from __future__ import annotations

from longma.config.diff import restart_needed
from longma.config.settings import Settings


def test_what_a_reload_applies_is_not_named():
    assert restart_needed(Settings(), Settings()) == ()
    assert restart_needed(Settings(), Settings({"workers": 2, "timeout": 1.0, "bind": ("a:1",)})) == ()


def test_what_needs_a_restart_is_named_in_the_order_of_the_table():
    old, new = Settings({"daemon": True}), Settings({"backlog": 5, "preload_app": True, "workers": 3})
    assert restart_needed(old, new) == ("backlog", "preload_app", "daemon")


def test_a_hook_that_was_read_again_needs_no_restart():
    old, new = (Settings({"post_fork": lambda server, worker: None}) for _ in range(2))
    assert old != new
    assert restart_needed(old, new) == ()
