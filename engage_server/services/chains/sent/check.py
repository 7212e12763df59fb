"""Checks a chain that somebody sent along. It reads no file, opens no key and makes no connection.

What a stranger's bytes can cost is bounded: certificates alone are read. No container is opened, because opening one
takes as many rounds as it says itself. The dearest chain takes about a second: a test measures it.
"""

from dataclasses import replace
from pathlib import Path

from cryptography import x509

from engage_server.checks import Circumstances
from engage_server.checks.reports.result import CheckRun
from engage_server.errors import CertificateInvalid, Refused
from engage_server.pki.encodings import read_certificates
from engage_server.pki.paths.bundle import Bundle
from engage_server.services.chains.checking import Checker
from engage_server.services.chains.grouping import FileGroup, as_sent
from engage_server.services.chains.held_files import MAX_CERTIFICATES, HeldFile

SENT = Path("chain.pem")
"""How a report calls the chain: it has no other name."""
_KEY = "PRIVATE KEY-----"
_BY_OPTION, _BY_FIELD = "name it: --anchor FILE.", "send it in the field anchor."


def check_sent(pem: str, at: Circumstances) -> CheckRun:
    """Check certificates in PEM.

    Args:
        pem: The certificates of one chain. A private key is refused, so that nobody gets used to sending one.
        at: The circumstances.

    Raises:
        Refused: There is a private key (``private_key.sent``).
        CertificateInvalid: There is no certificate, one cannot be read, or there are too many.
    """
    certificates = tuple(_read(pem, "what was sent"))
    if len(certificates) > MAX_CERTIFICATES:
        raise CertificateInvalid(
            f"what was sent has {len(certificates)} certificates, far more than a chain", "Send those of one chain."
        )
    file = HeldFile(SENT, Bundle(certificates, in_order=True))
    result = Checker(at).of_group(FileGroup(SENT, (file,), as_sent(file)))
    findings = tuple(replace(each, mend=each.mend.replace(_BY_OPTION, _BY_FIELD)) for each in result.findings)
    return CheckRun(at.now, at.profile.name, at.profile.chain_der_bytes, [replace(result, findings=findings)])


def read_anchor(pem: str) -> x509.Certificate:
    """Read the certificate that devices hold.

    Raises:
        Refused: There is a private key (``private_key.sent``).
        CertificateInvalid: It is not exactly one certificate that can be read.
    """
    found = _read(pem, "the anchor")
    if len(found) != 1:
        raise CertificateInvalid(
            f"the anchor that was sent has {len(found)} certificates", "Send the one that devices get."
        )
    return found[0]


def _read(pem: str, source: str) -> list[x509.Certificate]:
    if _KEY in pem:
        raise Refused(
            f"{source} has a private key, and a check needs none",
            "Send the certificates alone. To have the key compared, stage the chain.",
            code="private_key.sent",
        )
    return read_certificates(pem.encode("utf-8", "replace"), source=source)
