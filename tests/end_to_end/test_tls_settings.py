"""What the TLS listener offers, as sslyze sees it, and what it prefers."""

import json
import socket
import ssl
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import RunningPair, eventually
from tests.support.stored_by_pairs import sightings, sqlite

SSLYZE = Path(sys.prefix) / "share" / "sslyze" / "bin" / "sslyze"
SCANS = (
    *("sslv2", "sslv3", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3", "compression", "reneg", "robot", "resum"),
    *("heartbleed", "openssl_ccs", "fallback", "elliptic_curves", "early_data", "ems"),
)


def scanned(pair: RunningPair, folder: Path) -> dict[str, Any]:
    """sslyze's results, by scan."""
    if not SSLYZE.exists():
        pytest.skip("sslyze is not installed: scripts/test does that")
    report = folder / "sslyze.json"
    options = [f"--{scan}" for scan in SCANS]
    done = subprocess.run(
        [SSLYZE, *options, "--mozilla_config=disable", f"--json_out={report}", f"localhost:{pair.https_port}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    found = json.loads(report.read_text())["server_scan_results"][0]["scan_result"]
    return {name: each["result"] for name, each in found.items() if each and each["status"] == "COMPLETED"}


def versions(found: dict[str, Any]) -> set[str]:
    """The versions with at least one accepted cipher suite."""
    return {name for name, each in found.items() if name.endswith("_cipher_suites") and each["accepted_cipher_suites"]}


def suites(found: dict[str, Any], version: str) -> set[str]:
    """What is accepted in a version."""
    return {each["cipher_suite"]["name"] for each in found[f"{version}_cipher_suites"]["accepted_cipher_suites"]}


def test_the_default_profile(shared_pair: RunningPair, tmp_path: Path) -> None:
    found = scanned(shared_pair, tmp_path)
    assert len(found) == len(SCANS), "every scan came to its end"
    assert versions(found) == {"tls_1_2_cipher_suites", "tls_1_3_cipher_suites"}
    offered = suites(found, "tls_1_2")
    assert {
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_AES_256_CBC_SHA256",
    } <= offered, "RSA key exchange and AES-CBC are all that some devices may speak"
    weak = (
        "RC4",
        "3DES",
        "DES40",
        "NULL",
        "EXPORT",
        "MD5",
        "anon",
        "_DH_",
        "_DHE_",
        "CCM_8",
        "SEED",
        "IDEA",
        "CAMELLIA",
    )
    assert not [name for name in offered if any(word in name for word in weak)]
    assert found["tls_compression"]["supports_compression"] is False
    assert found["session_renegotiation"]["is_vulnerable_to_client_renegotiation_dos"] is False
    assert found["session_resumption"]["tls_ticket_resumption_result"] == "NOT_SUPPORTED"
    assert found["robot"]["robot_result"].startswith("NOT_VULNERABLE")
    assert found["heartbleed"]["is_vulnerable_to_heartbleed"] is False
    assert found["openssl_ccs_injection"]["is_vulnerable_to_ccs_injection"] is False
    assert found["tls_fallback_scsv"]["supports_fallback_scsv"] is True
    assert found["tls_1_3_early_data"]["supports_early_data"] is False
    assert {each["name"] for each in found["elliptic_curves"]["supported_curves"]} == {
        "X25519",
        "secp256r1",
        "secp384r1",
    }


def test_the_legacy_profile_is_seen_to_be_one(legacy_pair: RunningPair, tmp_path: Path) -> None:
    """The negative control: sslyze does find old versions where there are some."""
    found = scanned(legacy_pair, tmp_path)
    wanted = {f"tls_{version}_cipher_suites" for version in ("1_0", "1_1", "1_2", "1_3")}
    assert versions(found) == wanted
    assert "TLS_RSA_WITH_AES_128_CBC_SHA" in suites(found, "tls_1_0")


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ("AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("AES256-SHA:AES128-GCM-SHA256", "AES128-GCM-SHA256"),
        ("ECDHE-RSA-AES128-SHA:ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"),
        ("AES128-SHA", "AES128-SHA"),
    ],
)
def test_the_servers_order_counts(shared_pair: RunningPair, offered: str, chosen: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(offered)
    with (
        closing(socket.create_connection(("127.0.0.1", shared_pair.https_port), timeout=60)) as plain,
        context.wrap_socket(plain) as connection,
    ):
        cipher = connection.cipher()
        assert cipher is not None
        assert cipher[0] == chosen
        assert not connection.session_reused


def test_no_tickets_and_a_resumed_session_is_noted_as_one(shared_pair: RunningPair) -> None:
    """A client that resumes looks at no certificate: that is no evidence that it trusts one.

    Python cannot switch OpenSSL's cache of TLS 1.2 sessions off; a client that comes back at once may find its own.
    """
    for address, version, may_resume in (
        ("127.0.5.2", ssl.TLSVersion.TLSv1_2, True),
        ("127.0.5.3", ssl.TLSVersion.TLSv1_3, False),
    ):
        reused = _reused(shared_pair, version, address)
        eventually(lambda address=address: len(_seen_from(shared_pair, address)) == 2, "both handshakes")  # type: ignore[misc]  # mypy knows no default in a lambda
        assert _seen_from(shared_pair, address) == reused == [False, may_resume], version


def _seen_from(pair: RunningPair, address: str) -> list[bool | None]:
    """Whether each handshake from an address resumed a session, as it is stored."""
    return [each.resumed for each in sightings(sqlite(pair.folder)) if each.address == address]


def _reused(pair: RunningPair, version: ssl.TLSVersion, address: str) -> list[bool | None]:
    """Whether the first and the second connection of one client resumed a session."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    session, reused = None, []
    for _ in range(2):
        with (
            closing(socket.create_connection(("127.0.0.1", pair.https_port), 10, (address, 0))) as plain,
            context.wrap_socket(plain, session=session) as connection,
        ):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            while connection.recv(4096):
                pass
            session = connection.session
            reused.append(connection.session_reused)
            assert session is None or not session.has_ticket
    return reused
