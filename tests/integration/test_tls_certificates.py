"""The server's certificates: which one is shown, what is wrong with them, and how they are replaced."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.certificates import Certificate, authority, make, openssl, ready_made
from tests.support.deadlines import until
from tests.support.paths import ROOT
from tests.support.server import Run, Server
from tests.support.tls import options, secure, session_of, trusting

Serve = Callable[..., Server]
MODELS = ("sync", "gthread", "gevent", "eventlet")
HELLO = "tests.apps.right:hello"
PASSWORD = "correct horse"


def anybody(**how: object) -> ssl.SSLContext:
    """A client that takes any certificate, and tells which it was."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in how.items():
        setattr(context, name, value)
    return context


def shown(server: Server, name: str = "localhost", context: ssl.SSLContext | None = None) -> bytes:
    """The certificate that a client of this name is shown, as DER."""
    return session_of(secure(server, context or anybody(), name)).getpeercert(binary_form=True) or b""


def der(certificate: Certificate) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.path.read_text())


def put(certificate: Certificate, directory: Path) -> Certificate:
    """Have this certificate in the directory, each file replaced at once."""
    placed = Certificate(directory / "server.pem", directory / "server.key")
    for source, target in zip(certificate, placed, strict=True):
        shutil.copy(source, directory / "new")
        (directory / "new").replace(target)
    return placed


# Which one is shown


@pytest.mark.only("sync")
def test_the_name_that_is_asked_for_decides(serve: Serve, tmp_path: Path):
    first = make(tmp_path, "first", names="DNS:first.test")
    wild = make(tmp_path, "wild", names="DNS:*.Shop.test,DNS:shop.test")
    exact = make(tmp_path, "exact", names="DNS:one.shop.test")
    server = serve(HELLO, *options(first, wild, exact))
    expected = {
        "first.test": first, "shop.test": wild, "two.shop.test": wild, "TWO.SHOP.TEST": wild, "one.shop.test": exact,
        "a.b.shop.test": first, "other.test": first, "test": first,
    }  # fmt: skip
    assert {name: shown(server, name) for name in expected} == {name: der(one) for name, one in expected.items()}


@pytest.mark.only("sync")
def test_of_two_for_one_name_a_client_is_shown_what_it_can_verify(serve: Serve, tmp_path: Path):
    modern, old = make(tmp_path, "modern"), make(tmp_path, "old", kind="rsa")
    server = serve(HELLO, *options(modern, old))
    assert shown(server) == der(modern)
    by_rsa = anybody(maximum_version=ssl.TLSVersion.TLSv1_2)
    by_rsa.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    assert shown(server, "localhost", by_rsa) == der(old)
    assert shown(server, "elsewhere.test", by_rsa) == der(old)


@pytest.mark.only("sync")
def test_the_key_may_be_in_the_file_of_the_certificate(serve: Serve, tmp_path: Path):
    one = make(tmp_path)
    both = tmp_path / "both.pem"
    both.write_text(one.key.read_text() + one.path.read_text())
    assert shown(serve(HELLO, "--certfile", str(both))) == der(one)


@pytest.mark.only("sync")
@pytest.mark.parametrize(
    "how",
    [
        ("pkcs8", "-topk8", "-v2", "aes-256-cbc"),
        ("pkcs8", "-topk8", "-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"),
        ("pkcs8", "-topk8", "-v2", "des3"),
        ("pkcs8", "-topk8", "-scrypt"),
        ("rsa", "-traditional", "-aes256"),
        ("rsa", "-traditional", "-aes128"),
        ("rsa", "-traditional", "-des3"),
    ],
    ids=" ".join,
)
def test_an_encrypted_key_is_opened_by_its_password(serve: Serve, tmp_path: Path, how: tuple[str, ...]):
    one = ready_made("rsa")
    key, password = tmp_path / "encrypted.key", tmp_path / "password"
    password.write_text(f"{PASSWORD}\nnot this\n")
    command, *words = how
    openssl(command, *words, "-in", one.key, "-out", key, "-passout", f"pass:{PASSWORD}")
    assert "ENCRYPTED" in key.read_text()
    files = ("--certfile", str(one.path), "--keyfile", str(key))
    assert shown(serve(HELLO, *files, "--keyfile-password-file", str(password))) == der(one)
    assert shown(serve(HELLO, *files, env={"LONGMA_KEYFILE_PASSWORD": PASSWORD})) == der(one)
    without, wrong = Run(*files, HELLO), Run(*files, HELLO, env={"LONGMA_KEYFILE_PASSWORD": "wrong"})
    assert f"keyfile: the private key in {key} is encrypted: give keyfile_password" in without.errors
    assert f"keyfile: the password does not open the private key in {key}" in wrong.errors
    assert (without.status, wrong.status) == (1, 1)


def test_the_password_is_not_shown():
    run = Run("--print-config", env={"LONGMA_KEYFILE_PASSWORD": PASSWORD})
    assert "***" in run.output
    assert PASSWORD not in run.output


# What is wrong with them


def mistakes(directory: Path) -> dict[str, tuple[tuple[str, ...], str]]:
    """Arguments that cannot be served with, and the line that says so."""
    one, other, old = make(directory), make(directory, "other"), make(directory, "p521", kind="p521")
    empty, broken, cut, fifo = (directory / name for name in ("empty", "broken", "cut", "fifo"))
    empty.write_text("")
    os.mkfifo(fifo)
    broken.write_text(one.path.read_text().replace("M", "!", 1))
    cut.write_text("\n".join(one.path.read_text().splitlines()[:-2]))
    path, key = str(one.path), str(one.key)
    return {
        "absent": (("--certfile", "/absent.pem"), "certfile: /absent.pem cannot be read: No such file or directory"),
        "directory": (("--certfile", str(directory)), f"certfile: {directory} cannot be read: Is a directory"),
        "fifo": (("--certfile", str(fifo)), f"certfile: {fifo} cannot be read: it is no regular file"),
        "no certificate": (("--certfile", str(empty)), f"certfile: {empty} holds no certificate"),
        "broken": (("--certfile", str(broken)), f"certfile: {broken} is no PEM file: what begins in line 1 is broken"),
        "cut": (("--certfile", str(cut)), f"certfile: {cut} is no PEM file: what begins in line 1 is broken"),
        "no key": (("--certfile", path), f"keyfile: none was given for {path}, which holds no private key itself"),
        "key absent": (
            ("--certfile", path, "--keyfile", "/absent.key"),
            "keyfile: /absent.key cannot be read: No such file or directory",
        ),
        "no key in keyfile": (("--certfile", path, "--keyfile", path), f"keyfile: {path} holds no private key"),
        "mismatch": (
            ("--certfile", path, "--keyfile", str(other.key)),
            f"keyfile: the private key in {other.key} is not that of the certificate in {path}",
        ),
        "unknown kind": (
            ("--certfile", str(old.path), "--keyfile", str(old.key)),
            (
                f"keyfile: the key in {old.key} is none that can be used: RSA of 2048 bits and more, ECDSA on P-256 or "
                "P-384, Ed25519"
            ),
        ),
        "key alone": (
            ("--keyfile", key),
            "keyfile: a private key is of no use without its certificate; give certfile, too",
        ),
        "too many keys": (
            ("--certfile", path, "--keyfile", key, "--keyfile", key),
            "keyfile: there are 2 keys for 1 certificates",
        ),
        "no authorities": (
            ("--certfile", path, "--keyfile", key, "--cert-reqs", "2"),
            "cert_reqs: the certificates of clients cannot be verified without ca_certs",
        ),
        "empty authorities": (
            ("--certfile", path, "--keyfile", key, "--cert-reqs", "2", "--ca-certs", str(empty)),
            f"ca_certs: {empty} holds no certificate",
        ),
    }


MISTAKES = mistakes(Path(tempfile.mkdtemp(prefix="longma-mistakes-")))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_cannot_be_served_with_is_one_line_and_nothing_is_bound(tmp_path: Path, mistake: str):
    arguments, line = MISTAKES[mistake]
    path = tmp_path / "socket"
    for run in (Run("--bind", f"unix:{path}", *arguments, HELLO), Run("--check-config", *arguments, HELLO)):
        last = run.errors.splitlines()[-1]
        assert (run.status, last) == (1, f"longma: error: {line}")
    assert not path.exists()


@pytest.mark.only("sync")
def test_a_certificate_that_has_expired_is_worth_a_warning(serve: Serve, tmp_path: Path):
    one = make(tmp_path)
    request = tmp_path / "request"
    openssl(
        "req",
        "-new",
        "-key",
        one.key,
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-out",
        request,
    )
    how = ("-copy_extensions", "copyall", "-days", "-1")
    openssl("x509", "-req", "-in", request, "-signkey", one.key, "-out", one.path, *how)
    server = serve(HELLO, *options(one))
    server.expect(rf"certfile: the certificate in {one.path} has expired on \w+ +\d+ [\d:]+ \d+ GMT")
    assert shown(server) == der(one)
    assert "has expired" in Run("--check-config", *options(one), HELLO).errors


# How they are replaced


@pytest.mark.parametrize("workers", [1, 3])
def test_a_certificate_that_changes_on_disk_is_shown_without_a_reload(serve: Serve, tmp_path: Path, workers: int):
    first, second = make(tmp_path, "first"), make(tmp_path, "second", kind="rsa")
    placed = put(first, tmp_path)
    server = serve(HELLO, *options(placed), workers=workers)
    before = server.settle(workers)
    client = secure(server, anybody())
    assert client.ask("GET", "/").status == 200
    server.expect("The certificates have changed and cannot be used")
    put(second, tmp_path)
    server.errors.wait("The certificates have changed, and were read again")
    until(lambda: {shown(server) for _ in range(8)} == {der(second)}, "the new certificate")
    assert client.ask("GET", "/").status == 200
    assert server.settle(workers) == before
    # Whoever is started later shows it, too.
    os.kill(before[0], signal.SIGTERM)
    until(lambda: before[0] not in server.worker_pids() and len(server.worker_pids()) == workers, "a new worker")
    server.errors.wait("Booting worker with pid", count=workers + 1)
    assert {shown(server) for _ in range(8)} == {der(second)}


def test_what_changes_to_something_useless_is_not_used(serve: Serve, tmp_path: Path):
    first, second = make(tmp_path, "first"), make(tmp_path, "second")
    placed = put(first, tmp_path)
    server = serve(HELLO, *options(placed))
    server.expect("The certificates have changed and cannot be used; those from before stay")
    shutil.copy(second.path, placed.path)
    server.errors.wait("The certificates have changed and cannot be used")
    assert shown(server) == der(first)
    shutil.copy(second.key, placed.key)
    server.errors.wait("The certificates have changed, and were read again")
    until(lambda: shown(server) == der(second), "the new certificate")


def test_a_reload_reads_them_again_and_drops_no_connection(serve: Serve, tmp_path: Path):
    first, second = make(tmp_path, "first"), make(tmp_path, "second")
    config = tmp_path / "longma.conf.py"
    config.write_text(f"certfile, keyfile = {str(first.path)!r}, {str(first.key)!r}\n")
    server = serve(HELLO, "-c", str(config), "--graceful-timeout", "20")
    client = secure(server, trusting(first))
    config.write_text(f"certfile, keyfile = {str(second.path)!r}, {str(second.key)!r}\n")
    server.send_signal(signal.SIGHUP)
    assert client.ask("GET", "/").status == 200
    server.errors.wait("Reload complete")
    server.settle(1)
    assert shown(server) == der(second)


@pytest.mark.only("sync")
def test_a_reload_that_cannot_have_them_leaves_all_as_it_was(serve: Serve, tmp_path: Path):
    one = make(tmp_path)
    config = tmp_path / "longma.conf.py"
    config.write_text(f"certfile, keyfile = {str(one.path)!r}, {str(one.key)!r}\n")
    server = serve(HELLO, "-c", str(config))
    server.expect("Reload failed.*certfile: /absent.pem cannot be read")
    config.write_text("certfile = '/absent.pem'\n")
    server.send_signal(signal.SIGHUP)
    server.errors.wait("Reload failed")
    assert shown(server) == der(one)


# The page that explains it


@pytest.mark.only("sync")
def test_the_configuration_of_the_page_serves(serve: Serve, tmp_path: Path):
    page = (ROOT / "docs" / "deploy" / "tls.md").read_text()
    text = page.split("```python\n")[1].split("```")[0]
    for name in ("shop", "blog"):
        one = make(tmp_path, name, names=f"DNS:{name}.example", kind="rsa")
        live = f"/etc/letsencrypt/live/{name}.example"
        key = tmp_path / f"{name}.encrypted"
        openssl("pkcs8", "-topk8", "-in", one.key, "-out", key, "-passout", f"pass:{PASSWORD}")
        text = text.replace(f"{live}/fullchain.pem", str(one.path)).replace(f"{live}/privkey.pem", str(key))
    (tmp_path / "password").write_text(PASSWORD)
    text = text.replace("/etc/longma/key.password", str(tmp_path / "password"))
    text = text.replace("/etc/longma/clients.pem", str(authority(tmp_path).path))
    config = tmp_path / "longma.conf.py"
    config.write_text("\n".join(line for line in text.splitlines() if not line.startswith("bind")))
    server = serve(HELLO, "-c", str(config))
    assert shown(server, "blog.example") == der(Certificate(tmp_path / "blog.pem", tmp_path / "blog.key"))
    client = secure(server, anybody(maximum_version=ssl.TLSVersion.TLSv1_2))
    assert client.ask("GET", "/").status == 200
