"""What must be there before anything is measured: programs from Debian, peers from PyPI, two small C programs.

What cannot be had is reported by name and left out; nothing is left out silently.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .contestants import SERVERS
from .progress import Progress
from .servers import Paths, Server

APPLICATION_PACKAGES = ("flask",)


class CannotMeasure(Exception):
    """Something without which there is no benchmark is not there; the text says what."""


@dataclass
class Ground:
    """What was found or made: versions of what runs, and what had to be left out and why."""

    versions: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def has(self, server: Server) -> bool:
        return server.name not in self.left_out


def run_quietly(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def install_debian(package: str) -> bool:
    """Install a Debian package where that is possible (root, apt-get). Returns whether it worked."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", package]
    if run_quietly(command).returncode == 0:
        return True
    run_quietly(["apt-get", "update"])
    return run_quietly(command).returncode == 0


def need_program(program: str, package: str) -> str:
    """Return the path of a program, installed from Debian's package if it is missing.

    Raises:
        CannotMeasure: it is not there and cannot be installed.
    """
    found = shutil.which(program)
    if found is None and install_debian(package):
        found = shutil.which(program)
    if found is None:
        raise CannotMeasure(f"{program} is needed: install the Debian package {package}")
    return found


def build_programs(paths: Paths) -> None:
    """Compile the raw loop and the open-loop load generator when they are older than their source."""
    compiler = need_program("gcc", "gcc")
    for source, target in ((paths.bench / "floor/raw.c", paths.raw), (paths.bench / "load/poisson.c", paths.poisson)):
        if target.exists() and target.stat().st_mtime > source.stat().st_mtime:
            continue
        built = run_quietly([compiler, "-O2", "-Wall", "-o", str(target), str(source), "-lm"])
        if built.returncode != 0:
            raise CannotMeasure(f"{source.name} does not compile:\n{built.stderr}")


def base_python(longma: Path) -> str:
    """Return the interpreter that longma's environment was made from, so that all servers share it."""
    beside = longma.parent / "python"
    program = str(beside) if beside.exists() else sys.executable
    found = run_quietly([program, "-c", "import sys; print(getattr(sys, '_base_executable', sys.executable))"])
    return found.stdout.strip() or sys.executable


def prepare_venv(paths: Paths, progress: Progress) -> None:
    """Make the peers' virtual environment, anew when it is of another interpreter than longma's."""
    interpreter = base_python(paths.longma)
    stamp = paths.store / "venv" / "made-by"
    if stamp.exists() and stamp.read_text() == interpreter and paths.python.exists():
        return
    progress.note(f"making a virtual environment with {Path(interpreter).name}")
    made = run_quietly([interpreter, "-m", "venv", "--clear", str(paths.store / "venv")])
    if made.returncode != 0:
        raise CannotMeasure(f"no virtual environment: {made.stderr or made.stdout}")
    stamp.write_text(interpreter)


def python_version(paths: Paths) -> str:
    """Return the version of the interpreter that all servers share."""
    return run_quietly([str(paths.python), "-c", "import platform; print(platform.python_version())"]).stdout.strip()


def installed_packages(paths: Paths) -> dict[str, str]:
    """Return name -> version of what the peers' environment holds."""
    listed = run_quietly([str(paths.python), "-m", "pip", "list", "--format=json", "--disable-pip-version-check"])
    return {entry["name"].lower(): entry["version"] for entry in json.loads(listed.stdout or "[]")}


def install_package(paths: Paths, package: str) -> str:
    """Install one package from PyPI. Returns what went wrong, empty when nothing did."""
    if package == "bjoern" and not Path("/usr/include/ev.h").exists() and not install_debian("libev-dev"):
        return "it is built from source and needs libev-dev, which could not be installed"
    done = run_quietly([str(paths.python), "-m", "pip", "install", "-q", "--disable-pip-version-check", package])
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else "pip failed"


def packages_of(server: Server) -> tuple[str, ...]:
    """Return what has to be installed from PyPI for a server."""
    return (*((server.package,) if server.package is not None else ()), *server.needs)


def make_files(paths: Paths) -> None:
    """Make the certificate and the static file that some rows are about.

    Raises:
        CannotMeasure: openssl does not make the certificate.
    """
    paths.static.mkdir(exist_ok=True)
    (paths.static / "10k.bin").write_bytes(b"x" * 10_240)
    if paths.certificate.exists():
        return
    paths.certificate.parent.mkdir(exist_ok=True)
    command = [need_program("openssl", "openssl"), "req", "-x509", "-newkey", "ec"]
    command += ["-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "3650", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = run_quietly([*command, "-keyout", str(paths.key), "-out", str(paths.certificate)])
    if made.returncode != 0:
        raise CannotMeasure(f"openssl makes no certificate: {made.stderr.strip()}")


def install_peers(paths: Paths, servers: tuple[Server, ...], progress: Progress) -> Ground:
    """Install every peer that is wanted and missing, and say which could not be."""
    ground = Ground()
    have = installed_packages(paths)
    wanted = [(server.name, package) for server in servers for package in packages_of(server)]
    wanted += [(package, package) for package in APPLICATION_PACKAGES]
    troubles = {}
    for package in dict.fromkeys(package for _, package in wanted):
        if package not in have:
            progress.note(f"installing {package}")
            troubles[package] = install_package(paths, package)
    for name, package in wanted:
        if troubles.get(package):
            ground.left_out[name] = troubles[package]
            progress.warn(f"{name} is left out: {troubles[package]}")
    for server in servers:
        program, package = server.program or ("", "")
        if program and shutil.which(program) is None and not install_debian(package):
            ground.left_out[server.name] = f"it needs {program}, of the Debian package {package}"
    have = installed_packages(paths)
    for _, package in wanted:
        if package in have:
            ground.versions[package] = have[package]
    return ground


def prepare(paths: Paths, servers: tuple[Server, ...], progress: Progress) -> Ground:
    """Make everything ready and return what there is."""
    paths.store.mkdir(parents=True, exist_ok=True)
    need_program("wrk", "wrk")
    build_programs(paths)
    prepare_venv(paths, progress)
    make_files(paths)
    ground = install_peers(paths, servers, progress)
    if not paths.longma.exists():
        reason = "it is not built (make build)"
        for server in SERVERS:
            if server.is_ours:
                ground.left_out[server.name] = reason
        progress.warn(f"longma is left out: {reason}")
    else:
        version = run_quietly([str(paths.longma), "--version"])
        found = re.search(r"\d+(\.\w+)+", version.stdout or version.stderr)
        ground.versions["longma"] = found[0] if found else "of unknown version"
    ground.versions["wrk"] = run_quietly(["wrk", "-v"]).stdout.partition("[")[0].replace("wrk", "").strip()
    return ground
