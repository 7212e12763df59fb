"""Reads private keys in PEM and DER: opened, locked or broken."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_pem_private_key,
    load_ssh_private_key,
)

from engage_server.pki.containers.contents import Bundle, Opening
from engage_server.pki.containers.pem_text import PemBlock
from engage_server.pki.encodings import UNREADABLE
from engage_server.pki.warnings_of_cryptography import quietly

# the algorithms that encrypt a PKCS#8 key: PKCS#5 and PKCS#12 (RFC 8018, RFC 7292 appendix C), in DER
_LOCKS = (bytes.fromhex("2a864886f70d0105"), bytes.fromhex("2a864886f70d010c01"))
_WHERE_LOCKS_STAND = 40  # within this many bytes from the start of the key

_Load = Callable[[bytes, bytes | None], PrivateKeyTypes]


def key_in_pem(block: PemBlock, opening: Opening) -> Bundle:
    """Read the key in a PEM block. The result shows whether it was opened, is locked or is broken.

    Raises:
        MustBeOpened: It may not be opened here.
    """
    opening.assert_allowed()  # also one that is not encrypted: its numbers are tried for being prime
    load: _Load = load_ssh_private_key if block.label.startswith("OPENSSH") else load_pem_private_key
    return _opened(load, block.text, opening.secret) or _unopened(block.is_encrypted)


def key_in_der(content: bytes, secret: bytes | None) -> Bundle | None:
    """Read a key in DER; None if it is something else. A locked key is recognised by its encryption algorithm."""
    found = _opened(load_der_private_key, content, secret)
    if found is None and any(lock in content[:_WHERE_LOCKS_STAND] for lock in _LOCKS):
        return _unopened(True)
    return found


def _opened(load: _Load, content: bytes, secret: bytes | None) -> Bundle | None:
    """Try to open a key. An unneeded passphrase does no harm."""
    for candidate in dict.fromkeys((secret, None)):
        try:
            with quietly():
                return Bundle(keys=(load(content, candidate),))
        except UNREADABLE:
            continue
    return None


def _unopened(encrypted: bool) -> Bundle:
    return Bundle(locked_keys=1) if encrypted else Bundle(broken_keys=1)
