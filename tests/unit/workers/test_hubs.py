"""What hubs ask of the process that they are made in."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A worker's user is another once it has settled, and may read less than the one that started the server.
SETTLED = """
import socket, sys, warnings
from longma.workers.registry import model_named

class Log:
    warning = staticmethod(print)

class Locked:
    def find_spec(self, name, path=None, target=None):
        raise ImportError(f"{name} is imported late")

warnings.simplefilter("ignore")
model = model_named(sys.argv[1])
model.prepare(Log(), False)
sys.meta_path.insert(0, Locked())
hub = model._adapter()
hub.event()
hub.sleep(0.001)
hub.later(lambda: None)
socket.getaddrinfo("localhost", 80)
print("served")
"""


@pytest.mark.parametrize("name", ["gevent", "eventlet"])
def test_a_hub_imports_nothing_once_its_worker_has_settled(name: str):
    done = subprocess.run([sys.executable, "-c", SETTLED, name], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("served\n", "")


LIBUV = """
import gevent
from longma.workers.hubs.early import HubError
from longma.workers.hubs.gevent import GeventHub

gevent.config.loop = type("loop", (), {"__module__": "gevent.libuv.loop"})
try:
    GeventHub()
except HubError as error:
    print(error)
"""


def test_the_loop_of_libuv_is_refused_by_name():
    done = subprocess.run([sys.executable, "-c", LIBUV], capture_output=True, text=True, check=False)
    said = "gevent's loop must be libev's, and GEVENT_LOOP asks for libuv's, which has no prepare watchers\n"
    assert (done.stdout, done.stderr) == (said, "")
