"""Which certificate the devices of a vendor's sample trust: by what a device does, not by files' names. Pure."""

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
    """What a script's hash was made of.

    Attributes:
        name: The file that holds the certificate.
        certificate: What the hash was made of, as it has to be served again.
        wrongly: Which mistake was made with it; "" for none.
    """

    name: str
    certificate: x509.Certificate
    wrongly: str = ""


def match_of(sample: VendorSample, script: VendorScript, key: Secret) -> HashMatch | None:
    """By trying what is right, on the file that the notice names first, and then what people do by mistake."""
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
            wrongly = f"it was made of the text in {file.path.name}"
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
            return replace(match, wrongly=f"it was made with the site key's {what} text in place of its bytes")
    return None


def is_hash(script: VendorScript, key: Secret, content: bytes) -> bool:
    """Whether a script's hash is that of these bytes."""
    return hashes_equal(anchor_hash(key, content), script.hash_text)


def find_anchor(sample: VendorSample, key: Secret) -> tuple[HashMatch | None, bool]:
    """The anchor, and whether devices can have taken it.

    They can if a notice is given at all, and the very bytes at cert_url have its hash.

    Else no device has one from here. Which one was meant, the notice's file says, if the hash shows at least that this
    is the site key.
    """
    for script in sample.notices(NoticeReading.READ):
        named = sample.files.get(script.cert_name)
        for file in [named] if script.cert_name else sample.files.values():  # all, where only a run shows the name
            if file is not None and file.is_der and is_hash(script, key, file.content):
                return HashMatch(file.path.name, file.bundle.certificates[0]), True
    for script in sample.scripts:
        match, file = match_of(sample, script, key), sample.files.get(script.cert_name)
        if match is not None and file is not None and len(file.bundle.certificates) == 1:
            return HashMatch(file.path.name, file.bundle.certificates[0]), False
        if match is not None:
            return match, False
    return None, False
