"""longma as the first process of a container, and the files of deploy/docker and deploy/kubernetes by their schemas."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from longma.config.arguments import parse
from longma.config.settings import table
from tests.support.deadlines import DEADLINE_SECONDS, until
from tests.support.gate import Gate
from tests.support.paths import ROOT, VENV_BIN
from tests.support.processes import children, processes
from tests.support.server import LONGMA, Server

Serve = Callable[..., Server]
DOCKER = ROOT / "deploy" / "docker"
KUBERNETES = ROOT / "deploy" / "kubernetes"
MANIFESTS = sorted(KUBERNETES.glob("*.yaml"))
FIRST = ("unshare", "--pid", "--fork", "--kill-child", str(LONGMA))
READ_ONLY = (
    "mount -t tmpfs tmpfs /mnt && mount -o remount,bind,ro / && ! touch /probe 2>/dev/null && "
    'TMPDIR=/mnt exec "$0" "$@"'
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may have namespaces of its own here")


class Container(Server):
    """A server that is the first process of a pid namespace."""

    def master(self) -> int:
        """The master's number outside."""
        (pid,) = children(self.pid)
        return pid

    def offspring(self) -> list[str]:
        """What states the children of the master are in, the zombies among them."""
        return [one.state for one in processes() if one.parent == self.master()]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        os.kill(self.master(), number)
        status = self.wait()
        self.check_ended()
        return status


@needs_root
def test_the_first_process_reaps_what_others_have_left(gate: Gate):
    with Container("tests.apps.orphans", env=gate.environment, command=FIRST, workers=2) as server:
        assert server.get("/").text == "left"
        orphan = gate.wait("orphaned")
        until(lambda: len(server.offspring()) == 3, "the orphan to be the first process's")
        orphan.release()
        until(lambda: len(server.offspring()) == 2, "the orphan to be reaped")
        assert "Z" not in server.offspring()
        assert server.get("/").text == "left", "and nobody takes it for a worker"
        gate.wait("orphaned").release()
        until(lambda: len(server.offspring()) == 2, "the next one to be reaped")


@needs_root
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_the_first_process_takes_signals(number: signal.Signals):
    """The kernel keeps from it what it has no handler for (pid_namespaces(7))."""
    with Container("tests.apps.answers", command=FIRST) as server:
        assert server.get("/hello").status == 200
        assert server.stop(number) == 0


@needs_root
def test_the_first_process_waits_for_the_request_that_runs_and_reloads(gate: Gate):
    with Container("tests.apps.answers", env=gate.environment, command=FIRST) as server:
        os.kill(server.master(), signal.SIGHUP)
        server.errors.wait("Reload complete")
        client = server.client()
        client.request("GET", "/wait")
        visitor = gate.wait("in the application")
        os.kill(server.master(), signal.SIGTERM)
        server.errors.wait("Handling signal: term")
        visitor.release()
        assert client.read_response().status == 200
        assert server.wait() == 0


@needs_root
def test_a_root_file_system_that_is_read_only_will_do(serve: Serve):
    command = ("unshare", "--mount", "sh", "-c", READ_ONLY, str(LONGMA))
    server = serve("tests.apps.answers", "--body-buffer-size=1000", command=command)
    assert server.ask("POST", "/count", body=b"x" * 100_000).body == b"100000 12000000"
    assert len(server.get("/big?bytes=3000000").body) == 3_000_000


# The files


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_linter_of_dockerfiles_finds_nothing():
    assert run(str(VENV_BIN / "hadolint"), str(DOCKER / "Dockerfile")) == ""


def instructions() -> list[tuple[str, str]]:
    """The instructions of the last stage."""
    text = (DOCKER / "Dockerfile").read_text().replace("\\\n", "")
    lines = [line.partition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    last = max(index for index, (name, _, _) in enumerate(lines) if name == "FROM")
    return [(name, rest.strip()) for name, _, rest in lines[last:]]


def test_the_image_starts_longma_itself_as_nobody_special():
    given = dict(instructions())
    program, *arguments = json.loads(given["ENTRYPOINT"])  # exec form: a shell would keep the signals for itself
    assert program.endswith("/bin/longma")
    options = parse(arguments, table())
    assert options is not None
    assert given["USER"].isdecimal()
    assert given["USER"] != "0"
    assert given["STOPSIGNAL"] == "SIGTERM"
    path = arguments[arguments.index("--health-path") + 1]
    assert f"127.0.0.1:8000{path}" in given["HEALTHCHECK"]


def test_the_health_check_of_the_image_tells_well_from_ill(serve: Serve):
    check = json.loads(dict(instructions())["HEALTHCHECK"].partition("CMD ")[2])
    server = serve("tests.apps.answers", "--health-path", "/-/health")
    program = check[2].replace("127.0.0.1:8000", "{}:{}".format(*server.address))
    command = [str(VENV_BIN / "python"), "-c"]
    assert subprocess.run([*command, program], check=False).returncode == 0
    ill = program.replace("/-/health", "/no-such-path")
    assert subprocess.run([*command, ill], check=False, stderr=subprocess.DEVNULL).returncode == 1


def test_the_compose_file_fits_its_schema():
    path = DOCKER / "compose.yaml"
    run(str(VENV_BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(path))
    service = yaml.safe_load(path.read_text())["services"]["shop"]
    assert float(service["stop_grace_period"].removesuffix("s")) > table()["graceful_timeout"].default
    assert (DOCKER.parents[1] / service["build"]["dockerfile"]).exists()


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_a_manifest_fits_its_schema(manifest: Path):
    said = run(str(VENV_BIN / "kubernetes-validate"), "--strict", str(manifest))
    # Kubernetes itself knows nothing of Prometheus' operator.
    assert " passed " in said or manifest.stem == "podmonitor"


def test_the_pod_monitor_has_what_the_operators_documentation_has():
    spec = document("podmonitor")["spec"]
    assert set(spec) == {"selector", "podMetricsEndpoints"}
    (endpoint,) = spec["podMetricsEndpoints"]
    assert set(endpoint) == {"port", "path", "interval"}
    # A port is meant by its name, and a duration has no fractions.
    assert isinstance(endpoint["port"], str)
    assert re.fullmatch(r"([0-9]+h)?([0-9]+m)?([0-9]+s)?", endpoint["interval"])


def document(name: str) -> Any:
    return yaml.safe_load((KUBERNETES / f"{name}.yaml").read_text())


def option(arguments: list[str], name: str) -> str:
    (value,) = [one.partition("=")[2] for one in arguments if one.startswith(f"{name}=")]
    return value


def test_the_pods_have_the_time_that_they_need():
    spec = document("deployment")["spec"]["template"]["spec"]
    container = spec["containers"][0]
    arguments = container["args"]
    parse([*arguments, "shop.wsgi"], table())
    stop = float(option(arguments, "--drain-delay")) + float(option(arguments, "--graceful-timeout"))
    assert spec["terminationGracePeriodSeconds"] > stop
    ready, live = container["readinessProbe"], container["livenessProbe"]
    delay = float(option(arguments, "--drain-delay"))
    assert ready["periodSeconds"] * ready["failureThreshold"] < delay, "taken out before the listener closes"
    assert live["periodSeconds"] * live["failureThreshold"] > delay, "and not killed meanwhile"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] == option(arguments, "--health-path")


def test_what_the_manifests_say_of_each_other():
    deployment = document("deployment")
    template = deployment["spec"]["template"]
    labels, arguments = template["metadata"]["labels"], template["spec"]["containers"][0]["args"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert document("service")["spec"]["selector"].items() <= labels.items()
    for name in ("poddisruptionbudget", "podmonitor"):
        assert document(name)["spec"]["selector"]["matchLabels"].items() <= labels.items()
    ports = {port["name"]: port["containerPort"] for port in template["spec"]["containers"][0]["ports"]}
    assert document("service")["spec"]["ports"][0]["targetPort"] in ports
    path = option(arguments, "--metrics-path")
    assert document("podmonitor")["spec"]["podMetricsEndpoints"][0]["path"] == path
    annotations = template["metadata"]["annotations"]
    assert (annotations["prometheus.io/path"], int(annotations["prometheus.io/port"])) == (path, ports["http"])


def test_the_metric_that_pods_are_scaled_by_is_one_that_there_is(serve: Serve):
    (metric,) = document("horizontalpodautoscaler")["spec"]["metrics"]
    (rule,) = document("prometheus-adapter/values")["rules"]["custom"]
    assert rule["seriesQuery"].partition("{")[0] == metric["pods"]["metric"]["name"]
    assert set(rule["resources"]["overrides"]) == {"namespace", "pod"}
    server = serve("tests.apps.answers", "--metrics-path=/-/metrics")
    assert f"# TYPE {metric['pods']['metric']['name']} gauge\n" in server.get("/-/metrics").text
