"""Finds out what a file without a readable certificate is, and says what to do about it."""

from collections.abc import Iterable

from cryptography import x509

from engage_server.errors import ContentNotUsable
from engage_server.pki.containers.binary import whole_length
from engage_server.pki.containers.pem_text import PemText
from engage_server.pki.encodings import UNREADABLE
from engage_server.pki.warnings_of_cryptography import quietly

# files that are not a chain but are not wrong either: a commit or a folder may contain them besides a chain
NO_CHAIN = frozenset({"content.key_alone", "content.request", "content.revocation_list"})

_GIVE = "Give certificates as PEM, DER, PKCS#7 or PKCS#12."
_COPY_AGAIN = "Copy or download the whole file again."

_KEYSTORES = {b"\xfe\xed\xfe\xed": "JKS", b"\xce\xce\xce\xce": "JCEKS"}
_WEB_PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml")
_ARCHIVES = {b"PK\x03\x04": "a ZIP archive", b"\x1f\x8b": "a gzip archive", b"BZh": "a bzip2 archive"}
_SERIALIZED_STORE = b"\0\0\0\0CERT"  # what Windows exports as .sst

_PFX_BEGINS = b"\x02\x01\x03\x30"  # version 3, then the content (RFC 7292 section 4)
_PKCS7_OIDS = bytes.fromhex("2a864886f70d0107")  # RFC 2315
_NEAR_THE_BEGINNING = 24


def is_pkcs12(content: bytes) -> bool:
    """Whether this is PKCS#12, even if it is encrypted."""
    return content[:1] == b"\x30" and _PFX_BEGINS in content[:12]


def key_alone(source: str) -> ContentNotUsable:
    """The error for a file that contains private keys but no certificate."""
    return ContentNotUsable(
        f"{source}: it contains a private key but no certificate",
        "Name the file or folder with its chain, too. The key is then compared with it.",
        code="content.key_alone",
    )


def of_cut_off_pem(text: PemText, source: str) -> ContentNotUsable | None:
    """The error for PEM of which a part is missing; None if it is complete."""
    if text.without_end:
        number, label = text.without_end[0]
        sentence = f"PEM block {number} ({label}) has no END line; the file is cut off or mixed with another"
    elif text.without_begin:
        sentence = f"an END line ({text.without_begin[0]}) has no BEGIN line; the file is cut off"
    else:
        return None
    return ContentNotUsable(f"{source}: {sentence}", _COPY_AGAIN, code="content.cut_off")


def of_pem(labels: Iterable[str], source: str) -> ContentNotUsable:
    """The error for PEM without a certificate and without a private key."""
    found = list(dict.fromkeys(labels))
    for label in found:
        if label.endswith("CERTIFICATE REQUEST"):
            return _request(source)
        if label.endswith("CRL"):
            return _revocation_list(source)
    shown = f"its PEM blocks are {', '.join(found)}"[:200] if found else "a PEM marker is broken"
    return ContentNotUsable(f"{source}: it contains no certificate; {shown}", _GIVE)


def of_binary(content: bytes, source: str, *, with_passphrase: bool) -> ContentNotUsable:
    """The error for bytes in no known format, or in one that the passphrase does not open."""
    if not content.strip(b"\0 \t\r\n"):
        what = "it contains only zeros" if content.strip() else "it is empty"
        return ContentNotUsable(f"{source}: {what}", "Write the certificates into it again.", code="content.empty")
    for magic, kind in _KEYSTORES.items():
        if content.startswith(magic):
            return _keystore(source, kind)
    return _of_der(content, source, with_passphrase) or _of_text(content, source)


def of_utf32_text(source: str) -> ContentNotUsable:
    """The error for UTF-32 text, with PEM or without."""
    return ContentNotUsable(
        f"{source}: it is UTF-32 text, which TLS programs do not read", f"Save it as UTF-8. {_GIVE}"
    )


def of_wide_text(source: str) -> ContentNotUsable:
    """The error for UTF-16 text without PEM."""
    return ContentNotUsable(
        f"{source}: it is UTF-16 text and contains no certificate",
        f"PowerShell's > and Out-File write UTF-16 and damage DER and PKCS#12. Copy the file itself. {_GIVE}",
    )


def _of_der(content: bytes, source: str, with_passphrase: bool) -> ContentNotUsable | None:
    length = whole_length(content)
    if length is not None and length > len(content) and _looks_like_der(content):
        sentence = f"{source}: the file is cut off; it should have {length} bytes but has {len(content)}"
        return ContentNotUsable(sentence, _COPY_AGAIN, code="content.cut_off")
    if is_pkcs12(content):
        return wrong_passphrase(source) if with_passphrase else missing_passphrase(source)
    for reads, refusal in ((x509.load_der_x509_csr, _request), (x509.load_der_x509_crl, _revocation_list)):
        try:
            with quietly():
                reads(content)
        except UNREADABLE:
            continue
        return refusal(source)
    if _PKCS7_OIDS in content[:_NEAR_THE_BEGINNING]:
        return ContentNotUsable(f"{source}: it is PKCS#7 and contains no certificate that can be read", _GIVE)
    return None


def _looks_like_der(content: bytes) -> bool:
    """Whether the bytes after the first header look like DER. Text that starts with a 0 does not."""
    return len(content) > 4 and any(tag in content[2:6] for tag in (0x30, 0x02))


def _of_text(content: bytes, source: str) -> ContentNotUsable:
    begin = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if begin.startswith(_WEB_PAGES):
        return ContentNotUsable(
            f"{source}: it is a web page, not a certificate",
            "Open it in a browser: it may ask you to sign in or report a wrong address. Then download again.",
            code="content.web_page",
        )
    if content.startswith(_SERIALIZED_STORE):
        what = "it is a Windows serialized certificate store (.sst)"
        step = "Export the chain as PKCS#7 (.p7b) or PFX instead."
        return ContentNotUsable(f"{source}: {what}", step, code="content.keystore")
    for magic, kind in _ARCHIVES.items():
        if content.startswith(magic):
            return ContentNotUsable(f"{source}: it is {kind}, not a certificate", "Unpack it and name the files in it.")
    return ContentNotUsable(f"{source}: it contains no certificate that can be read", _GIVE)


def missing_passphrase(source: str) -> ContentNotUsable:
    """The error for a PKCS#12 file or key that needs a passphrase when none was given."""
    return ContentNotUsable(
        f"{source}: it is protected by a passphrase, and none was given",
        "Write the passphrase into a file, on one line, and add --passphrase-file FILE.",
        code="passphrase.missing",
    )


def wrong_passphrase(source: str) -> ContentNotUsable:
    """The error for a PKCS#12 file or key that the passphrase does not open. A damaged file gives the same error."""
    return ContentNotUsable(
        f"{source}: the passphrase is wrong, or the file is damaged",
        "Give the passphrase that was used for the export, on one line, without spaces around it.",
        code="passphrase.wrong",
    )


def _request(source: str) -> ContentNotUsable:
    return ContentNotUsable(
        f"{source}: it is a certificate request (CSR), not a certificate",
        "Name the certificate that the CA issued for it.",
        code="content.request",
    )


def _revocation_list(source: str) -> ContentNotUsable:
    return ContentNotUsable(
        f"{source}: it is a certificate revocation list (CRL), not a certificate",
        "Name the chain's certificates. Devices do not fetch a CRL.",
        code="content.revocation_list",
    )


def _keystore(source: str, kind: str) -> ContentNotUsable:
    convert = "keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12"
    return ContentNotUsable(
        f"{source}: it is a Java keystore ({kind}), which only Java can read",
        f"Convert it: {convert}",
        code="content.keystore",
    )
