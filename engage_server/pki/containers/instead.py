"""What a file is that holds no certificate that can be read: its cause in a sentence, and what to do about it."""

from collections.abc import Iterable

from cryptography import x509

from engage_server.errors import ContentNotUsable
from engage_server.pki.containers.binary import whole_length
from engage_server.pki.containers.pem_text import PemText
from engage_server.pki.encodings import UNREADABLE
from engage_server.pki.warnings_of_cryptography import quietly

# what a file may hold that is no chain, and nothing wrong: a change may touch it, and a folder have it beside a chain
NO_CHAIN = frozenset({"content.key_alone", "content.request", "content.revocation_list"})

_GIVE = "Give certificates as PEM, DER, PKCS#7 or PKCS#12."
_COPY_AGAIN = "Copy or download the file again, whole."

_KEYSTORES = {b"\xfe\xed\xfe\xed": "JKS", b"\xce\xce\xce\xce": "JCEKS"}
_WEB_PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml")
_ARCHIVES = {b"PK\x03\x04": "a ZIP archive", b"\x1f\x8b": "a gzip archive", b"BZh": "a bzip2 archive"}
_SERIALIZED_STORE = b"\0\0\0\0CERT"  # what Windows exports as .sst

_PFX_BEGINS = b"\x02\x01\x03\x30"  # version 3, then the content (RFC 7292 section 4)
_PKCS7_OIDS = bytes.fromhex("2a864886f70d0107")  # RFC 2315
_NEAR_THE_BEGINNING = 24


def is_pkcs12(content: bytes) -> bool:
    """Whether this is PKCS#12, be it locked."""
    return content[:1] == b"\x30" and _PFX_BEGINS in content[:12]


def key_alone(source: str) -> ContentNotUsable:
    """A file that holds private keys, and no certificate."""
    return ContentNotUsable(
        f"{source}: there is a private key in it, and no certificate",
        "Name the file or folder of its chain, too: the key is then held against it.",
        code="content.key_alone",
    )


def of_cut_off_pem(text: PemText, source: str) -> ContentNotUsable | None:
    """The account of PEM of which a part is missing; None when it is whole."""
    if text.without_end:
        number, label = text.without_end[0]
        sentence = f"PEM block no. {number} ({label}) has no END line: the file is cut off, or two were mixed"
    elif text.without_begin:
        sentence = f"there is an END line of {text.without_begin[0]} without its BEGIN line: the file is cut off"
    else:
        return None
    return ContentNotUsable(f"{source}: {sentence}", _COPY_AGAIN, code="content.cut_off")


def of_pem(labels: Iterable[str], source: str) -> ContentNotUsable:
    """The account of PEM without a certificate and without a private key."""
    found = list(dict.fromkeys(labels))
    for label in found:
        if label.endswith("CERTIFICATE REQUEST"):
            return _request(source)
        if label.endswith("CRL"):
            return _revocation_list(source)
    shown = f"its PEM blocks are {', '.join(found)}"[:200] if found else "a PEM mark is broken"
    return ContentNotUsable(f"{source}: there is no certificate in it: {shown}", _GIVE)


def of_binary(content: bytes, source: str, *, with_passphrase: bool) -> ContentNotUsable:
    """The account of bytes that are none of the containers, or one that does not open."""
    if not content.strip(b"\0 \t\r\n"):
        what = "there are only zeros in it" if content.strip() else "it is empty"
        return ContentNotUsable(f"{source}: {what}", "Write the certificates into it again.", code="content.empty")
    for magic, kind in _KEYSTORES.items():
        if content.startswith(magic):
            return _keystore(source, kind)
    return _of_der(content, source, with_passphrase) or _of_text(content, source)


def of_wide_text(source: str) -> ContentNotUsable:
    """The account of UTF-16 without PEM in it."""
    return ContentNotUsable(
        f"{source}: it is UTF-16 text, and there is no certificate in it",
        f"PowerShell's > and Out-File write UTF-16 and spoil DER and PKCS#12: copy the file itself. {_GIVE}",
    )


def _of_der(content: bytes, source: str, with_passphrase: bool) -> ContentNotUsable | None:
    length = whole_length(content)
    if length is not None and length > len(content) and _looks_like_der(content):
        sentence = f"{source}: the file is cut off: it says that it has {length} bytes, and has {len(content)}"
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
        return ContentNotUsable(f"{source}: it is PKCS#7, and there is no certificate in it that can be read", _GIVE)
    return None


def _looks_like_der(content: bytes) -> bool:
    """Whether what follows the first header looks like DER, too: text that begins with a 0 does not."""
    return len(content) > 4 and any(tag in content[2:6] for tag in (0x30, 0x02))


def _of_text(content: bytes, source: str) -> ContentNotUsable:
    begin = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if begin.startswith(_WEB_PAGES):
        return ContentNotUsable(
            f"{source}: it is a web page, not a certificate",
            "Open it in a browser: it may ask for a sign-in, or say that the address is wrong. Then download again.",
            code="content.web_page",
        )
    if content.startswith(_SERIALIZED_STORE):
        what, step = "it is a serialized store of Windows (.sst)", "Export the chain as PKCS#7 (.p7b) or PFX instead."
        return ContentNotUsable(f"{source}: {what}", step, code="content.keystore")
    for magic, kind in _ARCHIVES.items():
        if content.startswith(magic):
            return ContentNotUsable(f"{source}: it is {kind}, not a certificate", "Unpack it, and name what is in it.")
    return ContentNotUsable(f"{source}: there is no certificate in it that can be read", _GIVE)


def missing_passphrase(source: str) -> ContentNotUsable:
    """PKCS#12, or a key, that wants a passphrase, and there is none."""
    return ContentNotUsable(
        f"{source}: a passphrase protects it, and none was given",
        "Write its passphrase into a file, on one line, and give --passphrase-file FILE.",
        code="passphrase.missing",
    )


def wrong_passphrase(source: str) -> ContentNotUsable:
    """PKCS#12, or a key, that the passphrase does not open. Damage looks the same, and cannot be told apart."""
    return ContentNotUsable(
        f"{source}: the passphrase does not open it, unless the file is damaged",
        "Give the passphrase that it was exported with, on one line of the file, without spaces around it.",
        code="passphrase.wrong",
    )


def _request(source: str) -> ContentNotUsable:
    return ContentNotUsable(
        f"{source}: it is a certificate request (CSR), not a certificate",
        "Name the certificate that the CA made of it.",
        code="content.request",
    )


def _revocation_list(source: str) -> ContentNotUsable:
    return ContentNotUsable(
        f"{source}: it is a list of revoked certificates (CRL), not a certificate",
        "Name the chain's certificates; devices fetch no CRL.",
        code="content.revocation_list",
    )


def _keystore(source: str, kind: str) -> ContentNotUsable:
    convert = "keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12"
    return ContentNotUsable(
        f"{source}: it is a keystore of Java ({kind}), which only Java reads",
        f"Convert it: {convert}",
        code="content.keystore",
    )
