"""A chain that we call fine passes a handshake with a client that takes 4096 bytes; one that is too long does not."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.checks import ChainCase, Circumstances, run_checks
from engage_server.pki import encodings, keys
from tests.support.chains import HOSTS, NOW, good_chain
from tests.support.defects import DEFECTS, Plan, right_plan
from tests.support.limited_client import handshake, libssl

ROOM = 4096
pytestmark = pytest.mark.skipif(libssl() is None, reason="no libssl on this system")


@contextmanager
def serving(sent: tuple[x509.Certificate, ...], key: rsa.RSAPrivateKey, folder: Path) -> Iterator[int]:
    """A TLS server that sends exactly these certificates; yields its port."""
    (folder / "sent.pem").write_bytes(encodings.pem(sent) + keys.private_key_pem(key).reveal())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "sent.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=_serve_once, args=(listener, context))
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def _serve_once(listener: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listener.accept()
    with connection, contextlib.suppress(OSError):  # the client said no: it is the client that is asked
        context.wrap_socket(connection, server_side=True).close()


def _planned(name: str) -> tuple[tuple[x509.Certificate, ...], rsa.RSAPrivateKey, set[str]]:
    """A corpus chain from the server certificate up to the root, its key, and what we find."""
    plan: Plan = right_plan()
    DEFECTS[name][0](plan)
    case = ChainCase.of_certificates(tuple(plan.certificates().values()), Circumstances(NOW, HOSTS))
    key = plan.drafts["server"].key
    assert isinstance(key, rsa.RSAPrivateKey)
    return case.path, key, {finding.code for finding in run_checks(case)}


def _framed(certificates: tuple[x509.Certificate, ...]) -> int:
    """The bytes that a TLS 1.2 Certificate message adds: three for the list and for each (RFC 5246 section 7.4.2)."""
    return 3 + 3 * len(certificates)


def test_what_is_built_passes_as_it_is_sent_and_with_its_root(tmp_path: Path) -> None:
    built = good_chain()
    for sent in (built.chain.sent, (*built.chain.sent, built.chain.root)):
        with serving(sent, built.server_key, tmp_path) as port:
            assert handshake(port, ROOM) == "ok"


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("right", "ok"),
        ("two_intermediates", "ok"),
        ("room_for_a_link", "ok"),
        ("exactly_4096", "ok"),
        ("exactly_4097", "too long"),
        ("revocation_and_policies", "too long"),
    ],
)
def test_the_verdict_on_the_length_is_the_clients(name: str, outcome: str, tmp_path: Path) -> None:
    """The whole path is sent, since devices count the root, and the limit leaves out TLS' own framing: to the byte."""
    path, key, codes = _planned(name)
    with serving(path, key, tmp_path) as port:
        assert handshake(port, ROOM + _framed(path)) == outcome
    assert ("chain.too_long" in codes) is (outcome == "too long")


def test_the_limit_is_what_refuses(tmp_path: Path) -> None:
    path, key, _ = _planned("exactly_4097")
    with serving(path, key, tmp_path) as port:
        assert handshake(port, ROOM + _framed(path) + 1) == "ok"
