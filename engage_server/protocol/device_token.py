"""The token by which a device may prove itself: ``Authorization: Device TOKEN`` (the protocol notes, section 5).

Too little is known about it to refuse a device without one. A valid token decrypts with the site key to the device's
serial number and to a time near the present. Only someone who has that key can make one. The formats, each with its
certainty in the notes (V: vendor, F: field, A: assumed):

* Drivers (USB) [V]: Base64 of the 16 bytes of the serial number, followed by 32 bytes of AES-256 ciphertext. The
  plaintext is 16 bytes of time, then the serial number again. The mode is not published: ECB and CBC with a zero IV are
  tried.
* Gateways and reader controllers [F]; locks [A]: Base64 of the ASCII text ``SERIALHEX:CIPHERHEX:1``, with AES-256-CBC,
  zero IV, no padding, over the same 32 bytes.
* The 16 bytes of time of reader controllers [F]: 14 ASCII digits and two NULs.
* The 16 bytes of time of gateways [F]: 8 zero bytes and the seconds since 1970 in 8 bytes. Their byte order is
  disputed, so both are tried.
* A driver may send random bytes instead of a time. They prove nothing, because anyone could have recorded the token.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from engage_server.protocol.serial_number import SERIAL_BYTES
from engage_server.records import Secret

# a device's clock may be behind or ahead, and in any time zone
WINDOW = timedelta(hours=36)

_SCHEMES = ("device", "driver")
# Base64 in either alphabet; the longest format has 132 characters
_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{40,256}={0,2}")
_TEXT = re.compile(rb"([0-9A-Fa-f]{32}):([0-9A-Fa-f]{64}):1")
_BLOCK = algorithms.AES.block_size // 8
_ZERO_IV = bytes(_BLOCK)
_DIGITS = re.compile(rb"([0-9]{14})\0\0")


@dataclass(frozen=True, slots=True)
class TokenProof:
    """The content of a valid token.

    Attributes:
        serial: The serial number of the device, as 32 upper-case hexadecimal digits.
        time: The time by the device's clock, in seconds since 1970.
    """

    serial: str
    time: int


def token_in(authorization: str) -> str:
    """The token in an ``Authorization`` header; "" if there is none that could be valid.

    Args:
        authorization: The value of the header; may be anything.

    Returns:
        At most about 260 characters of Base64, so that it is safe in a log line.
    """
    scheme, _, token = authorization.strip()[:300].partition(" ")
    token = token.strip()
    return token if scheme.lower() in _SCHEMES and _TOKEN.fullmatch(token) else ""


def verify(token: str, key: Secret, serial: str | None, at: datetime) -> TokenProof | None:
    """Check whether a token was made with the site key, for this device, at about this time. Never raises.

    It does not detect a replayed token. Callers must remember the last time that they accepted.

    Args:
        token: From :func:`token_in`; may be anything.
        key: The site key, 32 bytes.
        serial: The expected serial number; None to accept the one in the token.
        at: When the token arrived, timezone-aware.
    """
    for named, ciphertext, may_be_ecb in _forms(token):
        if serial is not None and not hmac.compare_digest(named.hex().upper().encode(), serial.encode()):
            continue
        when, who = _decrypted(ciphertext, key)
        # for each block, CBC is ECB XORed with the previous ciphertext block (NIST SP 800-38A section 6.2)
        by_ecb = bytes(one ^ other for one, other in zip(who, ciphertext[:_BLOCK], strict=True))
        is_whose = hmac.compare_digest(who, named) | (may_be_ecb & hmac.compare_digest(by_ecb, named))
        time = _near(when, at) if is_whose else None
        if time is not None:
            return TokenProof(named.hex().upper(), time)
    return None


def _forms(token: str) -> Iterator[tuple[bytes, bytes, bool]]:
    """The possible readings of a token: serial number in clear, 32 bytes of ciphertext, whether ECB is possible."""
    try:
        compact = token.rstrip("=").replace("-", "+").replace("_", "/")
        raw = base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return
    if len(raw) == SERIAL_BYTES + 2 * _BLOCK:
        yield raw[:SERIAL_BYTES], raw[SERIAL_BYTES:], True
    text = _TEXT.fullmatch(raw)
    if text is not None:
        yield bytes.fromhex(text[1].decode()), bytes.fromhex(text[2].decode()), False


def _decrypted(ciphertext: bytes, key: Secret) -> tuple[bytes, bytes]:
    decryptor = Cipher(algorithms.AES(key.reveal()), modes.CBC(_ZERO_IV)).decryptor()
    plain = decryptor.update(ciphertext) + decryptor.finalize()
    return plain[:_BLOCK], plain[_BLOCK:]


def _near(block: bytes, at: datetime) -> int | None:
    """The time in a block, if it is within the window around ``at``; else None."""
    now, window = at.timestamp(), WINDOW.total_seconds()
    return next((time for time in _times(block) if abs(time - now) <= window), None)


def _times(block: bytes) -> Iterator[int]:
    digits = _DIGITS.fullmatch(block)
    if digits is not None:
        try:
            yield int(datetime.strptime(digits[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp())
        except ValueError:  # 99 is not a month
            return
    if block[:8] == bytes(8):
        yield int.from_bytes(block[8:], "big")
        yield int.from_bytes(block[8:], "little")
