"""`longma.WSGIServer`: what programs do with gevent's, and the examples."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.deadlines import DEADLINE_SECONDS, until
from tests.support.paths import ROOT
from tests.support.programs import Program
from tests.support.server import environment
from tests.support.sources import parsed

CHECKS = ROOT / "tests" / "apps" / "wsgi_server.py"
NO_CHECKS = frozenset({"hello", "ask", "descriptors", "main"})


def names() -> list[str]:
    """The functions of the module that check something: it cannot be imported here, since it patches what it finds."""
    return [node.name for node in parsed(CHECKS).body if hasattr(node, "args") and node.name not in NO_CHECKS]


@pytest.mark.parametrize("name", names())
def test_a_program_with_gevent(name: str):
    done = subprocess.run(
        [sys.executable, "-m", "tests.apps.wsgi_server", name],
        cwd=ROOT,
        env=environment({}),
        capture_output=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")


def test_the_example_of_one_process():
    with Program("examples/wsgi_server/serve.py") as program:
        assert program.get().text.startswith("up for ")
        until(lambda: "counted to 0" not in program.get().text, "the program to go on beside its server")


def test_the_example_of_several_processes():
    with Program("examples/multiprocess/serve.py", {"CHILDREN": "3"}) as program:
        seen: set[str] = set()

        def all_have_answered() -> bool:
            seen.add(program.get().text)
            return len(seen) == 4

        until(all_have_answered, "an answer of each process")


def test_without_gevent_it_says_what_is_missing():
    code = "import sys; sys.modules['gevent'] = None; from longma import WSGIServer"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = 'ImportError: longma.WSGIServer needs gevent, which is not installed: pip install "longma[gevent]"'
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, said)
