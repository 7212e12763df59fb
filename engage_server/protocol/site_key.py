"""The site key, and the hash that proves a certificate to the devices of a site.

The key is 32 raw bytes, chosen once by the partner when the site is registered. It can never be changed: losing
it means commissioning every device anew.
"""

import base64
import binascii
import hashlib
import hmac
import re

from engage_server.errors import SiteKeyInvalid
from engage_server.records import Secret

SITE_KEY_BYTES = 32  # an AES-256 key, by the vendor's pages

_BASE64_CHARACTERS = 44
_HEX_CHARACTERS = 64

# Keys that stand in public documents: known to everyone who can read them.
_PUBLISHED_SAMPLES = (
    bytes(range(1, 33)),
    bytes(n * 0x11 for n in range(16)) * 2,
    bytes((n % 15 + 1) * 0x11 for n in range(SITE_KEY_BYTES)),
    bytes(((n + 1) % 16) * 0x11 for n in range(SITE_KEY_BYTES)),
    bytes.fromhex("19B2DEDBA6621D297A293E9015B52406F221DB1384D1A1CFB01B09C36D35C54C"),
)

_NEXT = "A site key is 32 bytes, written as 44 characters of Base64 or as 64 hexadecimal digits."


def read_site_key(text: bytes, *, allow_samples: bool = False) -> Secret:
    """Read a site key as a person or a vendor's page would write it.

    64 hexadecimal digits are valid Base64 too, so the length decides, never the alphabet.

    Args:
        text: 44 characters of Base64 or 64 of hexadecimal, with white space around them tolerated.
        allow_samples: Accept the keys that public documents print. For demonstrations only.

    Raises:
        SiteKeyInvalid: Wrong length or alphabet, or a published sample. The message never repeats the text.
    """
    key = _decoded(text.strip())
    if not allow_samples and any(hmac.compare_digest(key, sample) for sample in _PUBLISHED_SAMPLES):
        raise SiteKeyInvalid(
            "this site key is a sample from public documents, so anybody can forge certificates for its devices",
            "Use the key that was made when the site was registered; --demo accepts samples for a trial.",
        )
    return Secret(key)


def _decoded(text: bytes) -> bytes:
    if len(text) == _HEX_CHARACTERS:
        if not re.fullmatch(rb"[0-9A-Fa-f]{64}", text):
            raise SiteKeyInvalid("the site key has 64 characters, but not all are hexadecimal digits", _NEXT)
        return bytes.fromhex(text.decode("ascii"))
    if len(text) == _BASE64_CHARACTERS:
        return _decoded_base64(text)
    raise SiteKeyInvalid(f"the site key has {len(text)} characters", _NEXT)


def _decoded_base64(text: bytes) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise SiteKeyInvalid("the site key has 44 characters, but they are not Base64", _NEXT) from None
    if len(key) != SITE_KEY_BYTES:
        raise SiteKeyInvalid(f"the site key decodes to {len(key)} bytes instead of {SITE_KEY_BYTES}", _NEXT)
    return key


def write_site_key(key: Secret) -> bytes:
    """The Base64 form, 44 characters without a newline. The result is as secret as the key."""
    return base64.b64encode(key.reveal())


def anchor_hash(key: Secret, der: bytes) -> str:
    """Base64(HMAC-SHA1(site key, DER)), by RFC 2104: what a device computes over what it downloaded.

    Args:
        key: The raw key, never its Base64 or hexadecimal text.
        der: The certificate as DER. The hash of a PEM file means nothing to a device.
    """
    mac = hmac.new(key.reveal(), der, hashlib.sha1)  # the protocol's algorithm; HMAC does not need more of it
    return base64.b64encode(mac.digest()).decode("ascii")


def hashes_equal(one: str, other: str) -> bool:
    """Compare two Base64 hashes in constant time."""
    return hmac.compare_digest(one.encode("utf-8"), other.encode("utf-8"))
