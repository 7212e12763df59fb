"""Clients that we did not write judge the pair. Each success stands beside the failure that makes it mean something."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.chains import OTHER_SITE_KEY, SITE_KEY
from tests.support.mbedtls_client import accepts, is_installed
from tests.support.running import NOTICE, PATIENCE, RunningPair


def run(*command: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a stranger."""
    return subprocess.run(list(map(str, command)), input=stdin, capture_output=True, timeout=PATIENCE, check=False)


def curl(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    return run("curl", "-sS", "--noproxy", "*", *arguments)


@pytest.fixture
def certs(shared_pair: RunningPair) -> Path:
    return shared_pair.folder / "certs" / "main"


@pytest.fixture
def der(shared_pair: RunningPair, tmp_path: Path) -> Path:
    """The trust anchor, downloaded by curl from where the notice says."""
    notice = json.loads(curl(shared_pair.http + NOTICE).stdout)
    file = tmp_path / "anchor.der"
    done = curl("-f", "-o", file, notice["cert_url"])
    assert done.returncode == 0, done.stderr
    return file


@pytest.mark.skipif(not is_installed(), reason="python-mbedtls has no wheel for this machine")
class TestMbedTls:
    """mbed TLS, the stack of many embedded devices."""

    def test_trusts_the_downloaded_anchor_alone(self, shared_pair: RunningPair, der: Path, other_chain: Path) -> None:
        anchor = x509.load_der_x509_certificate(der.read_bytes())
        other = x509.load_pem_x509_certificate((other_chain / "partner_CA.pem").read_bytes())
        assert accepts(shared_pair.https_port, "localhost", anchor)
        assert not accepts(shared_pair.https_port, "doors.example.org", anchor)
        assert not accepts(shared_pair.https_port, "localhost", other)


class TestCurl:
    """curl."""

    def test_downloads_the_root(self, der: Path, certs: Path) -> None:
        assert der.read_bytes() == (certs / "partner_CA.der").read_bytes()

    def test_trusts_the_downloaded_anchor_alone(self, shared_pair: RunningPair, der: Path, other_chain: Path) -> None:
        pem = der.with_suffix(".pem")
        assert run("openssl", "x509", "-inform", "DER", "-in", der, "-out", pem).returncode == 0
        good = curl("-f", "--cacert", pem, shared_pair.https + NOTICE)
        assert good.returncode == 0, good.stderr
        assert good.stdout == curl(shared_pair.http + NOTICE).stdout
        wrong_root = curl("--cacert", other_chain / "partner_CA.pem", shared_pair.https + NOTICE)
        assert wrong_root.returncode == 60

    def test_minds_the_name(self, shared_pair: RunningPair, root: Path) -> None:
        port = shared_pair.https_port
        for host, status in (("locks.example.org", 0), ("localhost", 0), ("doors.example.org", 60)):
            done = curl("--cacert", root, "--resolve", f"{host}:{port}:127.0.0.1", f"https://{host}:{port}{NOTICE}")
            assert done.returncode == status, (host, done.stderr)

    def test_sees_http_1_1_and_no_redirect(self, shared_pair: RunningPair) -> None:
        done = curl("-o", "/dev/null", "-w", "%{http_version} %{num_redirects} %{http_code}", shared_pair.http + NOTICE)
        assert done.stdout == b"1.1 0 200"

    def test_head(self, shared_pair: RunningPair) -> None:
        length = len(curl(shared_pair.http + NOTICE).stdout)
        assert f"Content-Length: {length}\r\n".encode() in curl("-I", shared_pair.http + NOTICE).stdout


class TestOpensslMac:
    """``openssl dgst`` computes the hash."""

    def mac(self, der: Path, key: bytes) -> str:
        done = run("openssl", "dgst", "-sha1", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}", "-binary", der)
        return base64.b64encode(done.stdout).decode()

    def test_with_the_site_key_and_with_another(self, shared_pair: RunningPair, der: Path) -> None:
        told = json.loads(curl(shared_pair.http + NOTICE).stdout)["hash"]
        assert self.mac(der, SITE_KEY.reveal()) == told
        assert self.mac(der, OTHER_SITE_KEY.reveal()) != told
        assert self.mac(der.with_name("anchor.der"), base64.b64encode(SITE_KEY.reveal())) != told


class TestOpensslVerify:
    """``openssl verify`` walks the path."""

    def verify(self, root: Path, leaf: Path, *more: object) -> bool:
        arguments = ["-x509_strict", "-purpose", "sslserver", "-no-CApath", "-no-CAstore", "-CAfile", root, *more, leaf]
        return run("openssl", "verify", *arguments).returncode == 0

    def test_the_chain(self, certs: Path, other_chain: Path) -> None:
        root, intermediate, leaf = (certs / f"partner_{name}.pem" for name in ("CA", "intermediate", "server"))
        assert self.verify(root, leaf, "-untrusted", intermediate)
        assert not self.verify(root, leaf), "leaf alone"
        assert not self.verify(other_chain / "partner_CA.pem", leaf, "-untrusted", intermediate), "wrong root"
        assert not self.verify(root, leaf, "-untrusted", other_chain / "partner_intermediate.pem"), "wrong intermediate"

    def test_the_names(self, certs: Path) -> None:
        root, intermediate, leaf = (certs / f"partner_{name}.pem" for name in ("CA", "intermediate", "server"))
        for option, value, fine in (
            ("-verify_hostname", "locks.example.org", True),
            ("-verify_hostname", "doors.example.org", False),
            ("-verify_ip", "10.44.68.128", True),
            ("-verify_ip", "10.44.68.129", False),
            ("-verify_hostname", "10.44.68.128", False),
        ):
            assert self.verify(root, leaf, "-untrusted", intermediate, option, value) is fine, value

    def test_the_whole_life_of_the_leaf(self, certs: Path) -> None:
        root, intermediate, leaf = (certs / f"partner_{name}.pem" for name in ("CA", "intermediate", "server"))
        dates = run("openssl", "x509", "-in", leaf, "-noout", "-enddate").stdout.decode()
        end = int(run("date", "-d", dates.strip().partition("=")[2], "+%s").stdout)
        # notAfter is inclusive (RFC 5280 section 4.1.2.5), but OpenSSL calls it expired in that very second
        assert self.verify(root, leaf, "-untrusted", intermediate, "-attime", end - 1)
        assert not self.verify(root, leaf, "-untrusted", intermediate, "-attime", end + 1)


class TestOpensslClient:
    """``openssl s_client`` shakes hands."""

    def connect(self, pair: RunningPair, root: Path, *more: str) -> subprocess.CompletedProcess[bytes]:
        return run(
            *("openssl", "s_client", "-connect", f"127.0.0.1:{pair.https_port}", "-brief", "-verify_return_error"),
            *("-CAfile", root, "-no-CApath", "-no-CAstore", *more),
        )

    def test_root_and_name(self, shared_pair: RunningPair, root: Path, other_chain: Path) -> None:
        assert self.connect(shared_pair, root, "-verify_ip", "127.0.0.1").returncode == 0
        assert self.connect(shared_pair, root, "-verify_hostname", "locks.example.org").returncode == 0
        assert self.connect(shared_pair, root, "-verify_hostname", "doors.example.org").returncode != 0
        assert self.connect(shared_pair, other_chain / "partner_CA.pem", "-verify_ip", "127.0.0.1").returncode != 0

    def test_it_is_sent_leaf_and_intermediate_but_no_root(self, shared_pair: RunningPair, root: Path) -> None:
        done = run("openssl", "s_client", "-connect", f"127.0.0.1:{shared_pair.https_port}", "-showcerts")
        assert done.stdout.count(b"BEGIN CERTIFICATE") == 2

    @pytest.mark.parametrize(
        ("options", "seen"),
        [
            (("-tls1_3",), b"TLSv1.3"),
            (("-tls1_2",), b"TLSv1.2"),
            (("-tls1_2", "-cipher", "AES128-SHA"), b"AES128-SHA"),
            (("-tls1_2", "-cipher", "AES256-SHA256"), b"AES256-SHA256"),
            (("-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA"), b"ECDHE-RSA-AES128-SHA"),
            (("-noservername",), b"TLSv1.3"),
        ],
    )
    def test_old_and_new_ways(
        self, shared_pair: RunningPair, root: Path, options: tuple[str, ...], seen: bytes
    ) -> None:
        done = self.connect(shared_pair, root, *options)
        assert done.returncode == 0, done.stderr
        assert seen in done.stderr

    @pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
    def test_versions_below_the_floor_are_refused(self, shared_pair: RunningPair, root: Path, version: str) -> None:
        done = self.connect(shared_pair, root, version, "-cipher", "DEFAULT:@SECLEVEL=0")
        assert done.returncode != 0
        assert b"alert protocol version" in done.stderr or b"no protocols available" in done.stderr

    def test_a_plain_request_to_the_tls_port_and_the_reverse(self, shared_pair: RunningPair) -> None:
        assert not shared_pair.raw_http(b"\x16\x03\x01\x00\x05hello\r\n\r\n").startswith(b"HTTP/1.1 200")
        assert curl(f"http://127.0.0.1:{shared_pair.https_port}{NOTICE}").stdout[:12] != b'{"cert_url":'
        assert curl(shared_pair.http + NOTICE).returncode == 0, "and both go on"


@pytest.mark.skipif(not shutil.which("gnutls-cli"), reason="gnutls-cli is not installed (Debian: gnutls-bin)")
class TestGnutls:
    """``gnutls-cli``, another TLS library."""

    def connect(self, pair: RunningPair, root: Path, name: str) -> bool:
        done = run(
            *("gnutls-cli", "--x509cafile", root, "--verify-hostname", name, "-p"),
            *(str(pair.https_port), "127.0.0.1"),
            stdin=b"",
        )
        return done.returncode == 0

    def test_root_and_name(self, shared_pair: RunningPair, root: Path, other_chain: Path) -> None:
        assert self.connect(shared_pair, root, "locks.example.org")
        assert not self.connect(shared_pair, root, "doors.example.org")
        assert not self.connect(shared_pair, other_chain / "partner_CA.pem", "locks.example.org")
