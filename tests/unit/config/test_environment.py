"""The variables that each set one setting."""

from __future__ import annotations

import pytest

from longma.config import environment
from longma.config.settings import table


@pytest.mark.parametrize(
    ("environ", "given"),
    [
        ({}, {}),
        ({"PORT": "5000"}, {"bind": "0.0.0.0:5000"}),
        ({"PORT": " 5000 "}, {"bind": "0.0.0.0:5000"}),
        ({"PORT": "", "SENDFILE": " "}, {}),
        ({"WEB_CONCURRENCY": ""}, {"workers": ""}),
        ({"FORWARDED_ALLOW_IPS": ""}, {"forwarded_allow_ips": ""}),
        ({"WEB_CONCURRENCY": "4"}, {"workers": "4"}),
        ({"SENDFILE": "yes"}, {"sendfile": True}),
        ({"SENDFILE": "no"}, {"sendfile": False}),
        ({"WORKERS": "4"}, {}),
    ],
)
def test_a_variable_sets_its_setting(environ: dict[str, str], given: dict[str, object]):
    assert environment.layer(table(), environ).values == given


def test_the_source_names_the_variable():
    layer = environment.layer(table(), {"PORT": "1"})
    assert str(layer.locate("bind")) == "environment variable PORT"
