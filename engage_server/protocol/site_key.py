"""The site key, and the hash that proves a certificate to the devices of a site.

The key is 32 raw bytes. The partner chooses it once, when the site is registered. It can never be changed: if it is
lost, every device has to be commissioned again.
"""

import base64
import binascii
import hashlib
import hmac
import re

from engage_server.errors import SiteKeyInvalid
from engage_server.records import Secret

SITE_KEY_BYTES = 32  # an AES-256 key, according to the vendor's pages

_BASE64_CHARACTERS = 44
_HEX_CHARACTERS = 64

# Keys in public documents: anyone can know them.
_PUBLISHED_SAMPLES = (
    bytes(range(1, 33)),
    bytes(n * 0x11 for n in range(16)) * 2,
    bytes((n % 15 + 1) * 0x11 for n in range(SITE_KEY_BYTES)),
    bytes(((n + 1) % 16) * 0x11 for n in range(SITE_KEY_BYTES)),
    bytes.fromhex("19B2DEDBA6621D297A293E9015B52406F221DB1384D1A1CFB01B09C36D35C54C"),
)

_NEXT = "A site key is 32 bytes, written as 44 characters of Base64 or as 64 hexadecimal digits."
_FROM_RAW = "To write raw bytes as Base64: base64 -w 0 RAW_FILE."


def read_site_key(text: bytes, *, allow_samples: bool = False) -> Secret:
    """Read a site key as a person or a vendor's page would write it.

    64 hexadecimal digits are also valid Base64, so the length decides, never the alphabet.

    Args:
        text: 44 characters of Base64 or 64 hexadecimal digits. White space around them is allowed.
        allow_samples: Accept sample keys from public documents. For demonstrations only.

    Raises:
        SiteKeyInvalid: Length or alphabet is wrong, or it is a published sample. The message never contains the text.
    """
    key = _decoded(text.strip())
    if not allow_samples and any(hmac.compare_digest(key, sample) for sample in _PUBLISHED_SAMPLES):
        raise SiteKeyInvalid(
            "this site key is a sample from public documents; anyone can forge its certificates",
            "Use the key from the site's registration. For a trial, --demo accepts samples.",
        )
    return Secret(key)


def _decoded(text: bytes) -> bytes:
    if len(text) == _HEX_CHARACTERS:
        if not re.fullmatch(rb"[0-9A-Fa-f]{64}", text):
            raise SiteKeyInvalid("the site key has 64 characters, but not all are hexadecimal digits", _NEXT)
        return bytes.fromhex(text.decode("ascii"))
    if len(text) == _BASE64_CHARACTERS:
        return _decoded_base64(text)
    if not text.isascii() or b"\0" in text:
        raise SiteKeyInvalid("the site key is not text; perhaps it is the raw bytes of a key", f"{_NEXT} {_FROM_RAW}")
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
    """The key as Base64, 44 characters without a newline. The result is as secret as the key."""
    return base64.b64encode(key.reveal())


def anchor_hash(key: Secret, der: bytes) -> str:
    """Base64(HMAC-SHA1(site key, DER)), RFC 2104: what a device computes for its download.

    Args:
        key: The raw key, never its Base64 or hexadecimal text.
        der: The certificate as DER. The hash of a PEM file never matches on a device.
    """
    mac = hmac.new(key.reveal(), der, hashlib.sha1)  # required by the protocol; HMAC does not need collision resistance
    return base64.b64encode(mac.digest()).decode("ascii")


def hashes_equal(one: str, other: str) -> bool:
    """Compare two Base64 hashes in constant time."""
    return hmac.compare_digest(one.encode("utf-8"), other.encode("utf-8"))
