"""Finds the certificate that devices of a vendor's sample trust, by what a device does, not by file names. Pure."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cryptography import x509

from engage_server.pki.encodings import der
from engage_server.protocol.site_key import anchor_hash, hashes_equal
from engage_server.records import Secret
from engage_server.services.vendor.sample import CertificateFile, VendorSample
from engage_server.services.vendor.script import NoticeReading, VendorScript


@dataclass(frozen=True, slots=True)
class HashMatch:
    """The certificate that a script's hash was made from.

    Attributes:
        name: The file with the certificate.
        certificate: The certificate, as it must be served again.
        wrongly: The mistake that was made with the hash; "" for none.
    """

    name: str
    certificate: x509.Certificate
    wrongly: str = ""


def match_of(sample: VendorSample, script: VendorScript, key: Secret) -> HashMatch | None:
    """Find what a script's hash was made from: first in the right way, by the notice's file, then by mistakes."""
    named = sample.files.get(script.cert_name)
    files = [*([named] if named else []), *sample.files.values()]
    return _of_certificate(files, script, key) or _of_text(files, script, key) or _under_text_of_key(files, script, key)


def _of_certificate(files: Sequence[CertificateFile], script: VendorScript, key: Secret) -> HashMatch | None:
    for file in files:
        for certificate in file.bundle.certificates:
            if is_hash(script, key, der(certificate)):
                return HashMatch(file.path.name, certificate)
    return None


def _of_text(files: Sequence[CertificateFile], script: VendorScript, key: Secret) -> HashMatch | None:
    for file in files:
        if file.is_pem and len(file.bundle.certificates) == 1 and is_hash(script, key, file.content):
            wrongly = f"it was made from the text in {file.path.name}"
            return HashMatch(file.path.name, file.bundle.certificates[0], wrongly)
    return None


def _under_text_of_key(files: Sequence[CertificateFile], script: VendorScript, key: Secret) -> HashMatch | None:
    raw = key.reveal()
    texts = {
        "Base64": base64.b64encode(raw),
        "hexadecimal": raw.hex().encode(),
        "upper-case hexadecimal": raw.hex().upper().encode(),
    }
    for what, text in texts.items():
        match = _of_certificate(files, script, Secret(text))
        if match is not None:
            return replace(match, wrongly=f"it was made with the site key's {what} text instead of its bytes")
    return None


def is_hash(script: VendorScript, key: Secret, content: bytes) -> bool:
    """Whether a script's hash is the hash of these bytes."""
    return hashes_equal(anchor_hash(key, content), script.hash_text)


def find_anchor(sample: VendorSample, key: Secret) -> tuple[HashMatch | None, bool]:
    """Find the anchor, and whether devices can have accepted it.

    They can if the sample gives a notice, and exactly the bytes at cert_url have the notice's hash.

    Otherwise no device got an anchor from here. If the hash at least proves the site key, the file that the notice
    names is the anchor that was intended.
    """
    for script in sample.notices(NoticeReading.READ):
        named = sample.files.get(script.cert_name)
        for file in [named] if script.cert_name else sample.files.values():  # all files, if only a run shows the name
            if file is not None and file.is_der and is_hash(script, key, file.content):
                return HashMatch(file.path.name, file.bundle.certificates[0]), True
    for script in sample.scripts:
        match, file = match_of(sample, script, key), sample.files.get(script.cert_name)
        if match is not None and file is not None and len(file.bundle.certificates) == 1:
            return HashMatch(file.path.name, file.bundle.certificates[0]), False
        if match is not None:
            return match, False
    return None, False
