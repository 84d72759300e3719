"""Where the control socket is, and when what is said about it means nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from longma.config.resolve import Resolved, resolve
from longma.errors import ConfigError


def resolved(directory: Path, *arguments: str) -> Resolved:
    return resolve(arguments, {}, str(directory))


def test_a_path_is_meant_from_the_directory_that_is_changed_to(tmp_path: Path):
    (tmp_path / "shop").mkdir()
    found = resolved(tmp_path, "--chdir=shop", "--control-socket=run/ctl", "--control-socket-mode=0660")
    assert found.settings.control_socket == str(tmp_path / "shop" / "run" / "ctl")
    assert found.settings.control_socket_mode == 0o660
    assert found.notices == ()


def test_there_is_none_unless_it_has_a_path(tmp_path: Path):
    assert resolved(tmp_path).settings.control_socket is None
    assert resolved(tmp_path, "--control-socket=").settings.control_socket is None
    assert resolved(tmp_path, "--control-socket-mode=0660").notices == (
        "command line: control_socket_mode has no effect: there is no control_socket",
    )


def test_a_path_that_no_socket_can_have_is_refused():
    longest = Path("/", "x" * 104)
    assert resolved(longest.parent, f"--control-socket={longest}").settings.control_socket == str(longest)
    with pytest.raises(ConfigError, match=r"control_socket must be a path of at most 105 bytes, .* not of 106: '/é"):
        resolved(longest.parent, f"--control-socket=/é{'x' * 103}")
