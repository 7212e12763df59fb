"""The operators' listener off this machine: with the release's certificate, with one from files, and not without."""

import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.support.chains import HOSTS
from tests.support.installation import make_installation
from tests.support.running import RunningPair, engage, eventually, ok, running_pair

EVERYWHERE = "0.0.0.0"  # an address that other machines reach
REACHED = f'operators_bind = "{EVERYWHERE}"\noperators_hosts = ["localhost", "127.0.0.1"]\n'
OF_SITE = REACHED + 'operators_tls_certificate = "site"\n'
BEHIND_PROXY = REACHED + "operators_behind_proxy = true\n"
OF_FILES = REACHED + 'operators_tls_certificate = "own/server.pem"\noperators_tls_key = "own/server.key"\n'


def configure(folder: Path, lines: str) -> None:
    """Exchange the settings of the operators' listener."""
    file = folder / "engage.toml"
    others = [line for line in file.read_text().splitlines(keepends=True) if not line.startswith("operators_")]
    file.write_text(lines + "".join(others))


def own_chain(folder: Path) -> Path:
    """A chain of an authority of its own in the files of :data:`OF_FILES`; its root."""
    (folder / "own").mkdir(exist_ok=True)
    chain = folder / f"chain{len(list(folder.glob('chain*')))}"
    ok(engage(folder, "chain", "build", chain.name, "--host", "localhost", "--host", "127.0.0.1"))
    for ending in ("pem", "key"):
        (folder / "own" / f"server.{ending}").write_bytes((chain / f"partner_server.{ending}").read_bytes())
    return chain / "partner_CA.pem"


def ask(pair: RunningPair, root: Path, path: str = "/metrics", token: str = "") -> tuple[int, str]:
    """Status and body, from a client that trusts this root alone."""
    context = ssl.create_default_context(cafile=str(root))
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    with (
        closing(socket.create_connection(("127.0.0.1", pair.operators_port), timeout=60)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{bearer}Connection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return int(answer[9:12]), answer.partition(b"\r\n\r\n")[2].decode()


def ask_plainly(port: int, path: str = "/metrics", token: str = "") -> bytes:
    """What comes back without TLS."""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as plain, suppress(ConnectionResetError):
        plain.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{bearer}Connection: close\r\n\r\n".encode())
        return plain.recv(65536)
    return b""


def is_served(pair: RunningPair, root: Path) -> bool:
    """Whether a client that trusts this root gets an answer."""
    try:
        return ask(pair, root, "/healthz") == (200, '{"status":"ok"}')
    except OSError:
        return False


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPair]:
    """A pair whose operators' listener has the certificate of the release."""
    folder = make_installation(tmp_path_factory.mktemp("tls"))
    configure(folder, OF_SITE)
    with running_pair(folder, "--workers", "1") as pair:
        yield pair


def token_of(pair: RunningPair, name: str) -> str:
    return ok(engage(pair.folder, "token", "add", name, "--role", "viewer")).strip()


def reload(pair: RunningPair) -> None:
    pair.process.send_signal(signal.SIGHUP)


def test_through_all_its_certificates(pair: RunningPair) -> None:
    """One pair, because each start costs seconds. Every step has the root of another step as its control."""
    root = pair.folder / "certs" / "main" / "partner_CA.pem"
    port = pair.operators_port
    shown = f'curl --cacert {root} -H "Authorization: Bearer TOKEN" https://localhost:{port}/metrics'
    assert shown in pair.log, "a command that works is printed"
    assert is_served(pair, root)
    assert b"HTTP" not in ask_plainly(port), "nothing is served without TLS"

    good = token_of(pair, "prometheus")
    assert ask(pair, root)[0] == 401
    assert '"token.missing"' in ask(pair, root)[1]
    assert ask(pair, root, f"/metrics?token={good}&access_token={good}")[0] == 400, "logs keep addresses"
    assert ask(pair, root, token=good[:-1] + ("0" if good[-1] != "0" else "1"))[0] == 401
    counted = 'engage_operators_handshakes_total{result="finished"'
    eventually(lambda: counted in ask(pair, root, token=good)[1], "it is written down once a second")
    status, figures = ask(pair, root, token=good)
    assert status == 200
    assert "engage_handshakes_total{" not in figures, "no device called: alerts count what devices do"
    ok(engage(pair.folder, "token", "revoke", "prometheus"))
    status, problem = ask(pair, root, token=good)
    assert (status, "token.revoked" in problem) == (401, True)
    assert good not in pair.log

    seen = engage(pair.folder, "doctor", ENGAGE_OPERATORS_PORT=str(port)).stdout
    assert f"the operators' instance answers on port {port}, with TLS" in " ".join(seen.split())

    first = own_chain(pair.folder)
    assert not is_served(pair, first)
    configure(pair.folder, OF_FILES)
    reload(pair)
    eventually(lambda: is_served(pair, first), "the certificate of the files")
    assert not is_served(pair, root)
    second = own_chain(pair.folder)
    reload(pair)
    eventually(lambda: is_served(pair, second), "the renewed files")
    assert not is_served(pair, first)

    (pair.folder / "own" / "server.key").write_text("nothing")
    reload(pair)
    eventually(lambda: "setting operators_tls_key" in pair.log, "it says what is wrong")
    configure(pair.folder, REACHED)
    reload(pair)
    eventually(lambda: f"operators_bind is {EVERYWHERE}" in pair.log, "no reload takes the protection away")
    assert is_served(pair, second), "the old settings stay in force"

    configure(pair.folder, BEHIND_PROXY)
    reload(pair)
    eventually(lambda: ask_plainly(port, "/healthz").startswith(b"HTTP/1.1 200 "), "plain HTTP for a proxy")
    assert ask_plainly(port).startswith(b"HTTP/1.1 401 "), "who comes through a proxy comes from elsewhere"
    assert ask_plainly(port, "/metrics", token_of(pair, "proxied")).startswith(b"HTTP/1.1 200 ")

    configure(pair.folder, OF_SITE)
    reload(pair)
    eventually(lambda: is_served(pair, root), "the certificate of the release")


def test_a_new_release_is_served_to_operators_as_well(pair: RunningPair) -> None:
    new = pair.folder / "new-chain"
    old_root = pair.folder / "certs" / "main" / "partner_CA.pem"
    ok(engage(pair.folder, "chain", "build", new.name, *(text for host in HOSTS for text in ("--host", host.text))))
    ok(engage(pair.folder, "release", "stage", new.name))
    assert is_served(pair, old_root)
    ok(engage(pair.folder, "release", "activate", "2", "--yes", "--wait"))
    eventually(lambda: is_served(pair, new / "partner_CA.pem"), "the new release")
    assert not is_served(pair, old_root)


@pytest.mark.parametrize("what", [(), ("operators",)])
def test_without_protection_it_does_not_start(installation: Path, what: tuple[str, ...]) -> None:
    done = engage(installation, "serve", *what, ENGAGE_OPERATORS_BIND=EVERYWHERE)
    assert done.returncode == 2
    assert f"operators_bind is {EVERYWHERE}, which other machines reach" in done.stderr
    assert 'operators_tls_certificate = "site"' in done.stderr
    assert "Traceback" not in done.stderr
