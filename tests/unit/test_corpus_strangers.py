"""OpenSSL, cryptography and GnuTLS judge the corpus of defects: each disagreement with us is explained here.

Compared is the validity of the path alone, for a TLS server at the tests' time: what is special about ENGAGE devices
(sizes, bytes, how a server sends) is no business of theirs.
"""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from engage_server.checks import ChainCase, run_checks
from engage_server.pki import encodings
from tests.chains import NOW
from tests.defects import DEFECTS, case_of

# the codes by which we say that a path does not validate
_PATH_CODES = {
    *("path.incomplete", "path.signature_invalid", "path.issuer_not_ca", "path.issuer_may_not_sign"),
    *("path.length_exceeded", "path.key_identifier", "server.usage", "validity.expired", "validity.not_yet"),
    *("encoding.critical_extension",),
}

# Each name is a disagreement that must show: an entry for one that does not is a failure too.
OPENSSL_DIFFERS = {
    "ends_this_second": "notAfter is inclusive (RFC 5280 section 4.1.2.5); OpenSSL calls it expired in that second",
    "root_not_signed_by_itself": "OpenSSL takes a trust anchor as it is; we want a root whose self-signature is right",
    "server_missing": "OpenSSL refuses a CA's key usage for a TLS server; we say so as server.no_signature",
}

CRYPTOGRAPHY_ACCEPTS = {
    "root_not_signed_by_itself": "a trust anchor is taken as it is",
    "wrong_authority_identifier": "cryptography goes by names and signatures; OpenSSL then does not find the issuer",
    "wrong_authority_identifier_above": "the same, one certificate higher",
}


def _our_verdict(case: ChainCase) -> bool:
    return not _PATH_CODES & {finding.code for finding in run_checks(case)}


def _openssl(case: ChainCase, folder: Path) -> bool:
    (folder / "root.pem").write_bytes(encodings.pem([case.root] if case.root else []))
    (folder / "middle.pem").write_bytes(encodings.pem(case.path[1:-1] if case.root else case.path[1:]))
    (folder / "leaf.pem").write_bytes(encodings.pem([case.server]))
    trusted = ["-CAfile", "root.pem"] if case.root else []
    command = [
        *("openssl", "verify", "-auth_level", "0", "-purpose", "sslserver", "-no-CApath", "-no-CAstore"),
        *("-attime", str(int(NOW.timestamp())), *trusted),
        *(["-untrusted", "middle.pem"] if (folder / "middle.pem").stat().st_size else []),
        "leaf.pem",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", DEFECTS)
def test_openssl(name: str, tmp_path: Path) -> None:
    case = case_of(DEFECTS[name][0])
    ours, theirs = _our_verdict(case), _openssl(case, tmp_path)
    assert (ours != theirs) is (name in OPENSSL_DIFFERS), f"we say {ours}, OpenSSL says {theirs}"


@pytest.mark.parametrize("name", DEFECTS)
def test_cryptography_accepts_nothing_that_we_refuse_but(name: str) -> None:
    case = case_of(DEFECTS[name][0])
    if case.root is None or len(case.path) < 2:
        return
    accepts_more = _cryptography(case) and not _our_verdict(case)
    assert accepts_more is (name in CRYPTOGRAPHY_ACCEPTS)


def test_cryptography_accepts_what_is_built() -> None:
    assert _cryptography(case_of(DEFECTS["right"][0]))


def _cryptography(case: ChainCase) -> bool:
    assert case.root is not None
    names = case.server.extensions
    try:
        san = names.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    subject = next((name for name in san if isinstance(name, x509.DNSName | x509.IPAddress)), None)
    if subject is None or (isinstance(subject, x509.DNSName) and subject.value.startswith("*")):
        return False
    verifier = PolicyBuilder().store(Store([case.root])).time(NOW).build_server_verifier(subject)
    try:
        verifier.verify(case.server, list(case.path[1:-1]))
    except VerificationError:
        return False
    return True


@pytest.mark.skipif(not shutil.which("certtool"), reason="certtool is not installed (Debian: gnutls-bin)")
def test_gnutls_agrees_on_what_is_right_and_wrong(tmp_path: Path) -> None:
    for name, accepted in (
        ("right", True),
        ("two_intermediates", True),
        ("server_signed_by_a_stranger", False),
        ("intermediate_says_no_ca", False),
        ("intermediate_missing", False),
        ("expired_server", False),
    ):
        case = case_of(DEFECTS[name][0])
        root = case.root or case_of(DEFECTS["right"][0]).root
        assert root is not None
        (tmp_path / "chain.pem").write_bytes(encodings.pem(case.path))
        (tmp_path / "root.pem").write_bytes(encodings.pem([root]))
        command = ["certtool", "--verify", "--load-ca-certificate", "root.pem", "--infile", "chain.pem"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert (done.returncode == 0) is accepted, (name, done.stdout)
