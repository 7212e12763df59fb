"""Reads certificates and keys in every common format: PEM, DER, PKCS#7, PKCS#12."""

from dataclasses import replace

from cryptography import x509

from engage_server.errors import CertificateInvalid, ContentNotUsable
from engage_server.pki.containers import instead
from engage_server.pki.containers.binary import read_binary
from engage_server.pki.containers.contents import Bundle, MustBeOpened, Oddity, Opening
from engage_server.pki.containers.pem_text import (
    PemBlock,
    as_narrow_text,
    from_bare_base64,
    from_base64_of_pem,
    is_pem,
    is_utf32,
    take_apart,
)
from engage_server.pki.containers.private_keys import key_in_pem
from engage_server.pki.encodings import assert_readable
from engage_server.records import Secret

__all__ = ["Bundle", "MustBeOpened", "Oddity", "read_bundle"]

# RFC 7468 sections 5, 8 and 9, OpenSSL's own and older labels, and those of Netscape. The content decides, not the
# label: Windows' certutil labels everything CERTIFICATE, and OpenSSL reads PKCS#7 with that label, too
_HOLD_CERTIFICATES = {
    *("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "X.509 CERTIFICATE"),
    *("PKCS7", "CMS", "PKCS #7 SIGNED DATA", "CERTIFICATE CHAIN"),
    *("PKCS12", "PFX"),
}
_ONE_CERTIFICATE = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "X.509 CERTIFICATE"}


def read_bundle(content: bytes, *, source: str, passphrase: Secret | None = None, opens: bool = True) -> Bundle:
    """Read a file in any of the formats.

    A key that does not open is only counted: the certificates next to it can still be read.

    Args:
        content: The file's bytes. Text around PEM blocks, such as the dump of ``openssl ca``, is ignored.
        source: The name to use in errors.
        passphrase: For PKCS#12 and encrypted keys.
        opens: Whether keys and containers are opened. A stranger's can take hours.

    Raises:
        MustBeOpened: There is one, and ``opens`` is False.
        ContentNotUsable: The format is unknown, or the file is locked, cut off, or without certificate and key. The
            code says which.
    """
    opening = Opening(passphrase.reveal() if passphrase else None, opens)
    if is_utf32(content):
        raise instead.of_utf32_text(source)
    narrow = as_narrow_text(content)
    if narrow is not None and not is_pem(narrow):
        raise instead.of_wide_text(source)
    text = narrow or from_base64_of_pem(content) or content
    bundle = _from_pem(text, source, opening) if is_pem(text) else _from_binary(content, source, opening)
    for certificate in bundle.certificates:
        _assert_readable(certificate, source)
    return bundle if narrow is None else replace(bundle, oddities=(Oddity.UTF16, *bundle.oddities))


def _from_binary(content: bytes, source: str, opening: Opening) -> Bundle:
    found = read_binary(content, opening)
    bare = from_bare_base64(content) if found is None else None
    if bare is not None:
        content, found = bare, read_binary(bare, opening)
    if found is None:
        raise instead.of_binary(content, source, with_passphrase=opening.secret is not None)
    return found


def _from_pem(content: bytes, source: str, opening: Opening) -> Bundle:
    text = take_apart(content)
    cut_off = instead.of_cut_off_pem(text, source)
    if cut_off is not None:
        raise cut_off
    bundle, in_order = Bundle(oddities=(Oddity.LINES,) if text.has_odd_lines else ()), True
    for block in text.blocks:
        if block.label in _HOLD_CERTIFICATES:
            held = _held_by(block, source, opening, len(bundle.certificates) + 1)
            in_order = in_order and held.in_order
            bundle += held
        elif block.label.endswith("PRIVATE KEY"):
            bundle += key_in_pem(block, opening)
    if not bundle.certificates and not bundle.has_keys:
        raise instead.of_pem((block.label for block in text.blocks), source)
    return replace(bundle, in_order=in_order)


def _held_by(block: PemBlock, source: str, opening: Opening, number: int) -> Bundle:
    try:
        content = block.decoded()
    except ValueError:
        raise _unreadable(f"{source}: the content of certificate {number} is not Base64") from None
    found = read_binary(content, opening)
    if found is None and (instead.is_pkcs12(content) or block.label not in _ONE_CERTIFICATE):
        raise instead.of_binary(content, source, with_passphrase=opening.secret is not None)
    if found is None:
        raise _unreadable(f"{source}: certificate {number} cannot be read")
    return found


def _unreadable(sentence: str) -> ContentNotUsable:
    return ContentNotUsable(sentence, "Copy it again, or have it issued again.", code="certificate.invalid")


def _assert_readable(certificate: x509.Certificate, source: str) -> None:
    try:
        assert_readable(certificate, source=source)
    except CertificateInvalid as error:
        raise ContentNotUsable(error.sentence, error.next_step, code=error.code) from None
