"""The token by which a device may prove itself: ``Authorization: Device TOKEN`` (the protocol notes, section 5).

What is known of it is not enough to refuse anybody, but a token that decrypts under the site key to the serial number
that the device says, and to a time near now, can only come from somebody who holds that key. The forms, and how sure
the notes are of each:

* Drivers (USB) [V]: Base64 of the 16 bytes of the serial number, and behind them AES-256 over 16 bytes of time and the
  serial number again. The mode is not published: ECB and CBC with a zero IV are tried.
* Gateways and reader controllers [F]; locks [A]: Base64 of the ASCII text ``SERIALHEX:CIPHERHEX:1``, AES-256-CBC,
  zero IV, no padding, over the same 32 bytes.
* The 16 bytes of time [F]: 14 ASCII digits and two NULs (reader controllers); or 8 zero bytes and the seconds since
  1970 in 8 bytes (gateways), whose order is disputed: both are tried. A driver may send random bytes in place of a
  time: that proves nothing, because anybody may have kept it.
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

# a device's clock may be slow or fast, and in any time zone
WINDOW = timedelta(hours=36)

_SCHEMES = ("device", "driver")
_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{40,256}={0,2}")  # Base64, of either alphabet; the longest form has 132 characters
_TEXT = re.compile(rb"([0-9A-Fa-f]{32}):([0-9A-Fa-f]{64}):1")
_BLOCK = algorithms.AES.block_size // 8
_ZERO_IV = bytes(_BLOCK)
_DIGITS = re.compile(rb"([0-9]{14})\0\0")


@dataclass(frozen=True, slots=True)
class TokenProof:
    """What a right token says.

    Attributes:
        serial: Whose it is: 32 upper-case hexadecimal digits.
        time: By the device's clock, in seconds since 1970.
    """

    serial: str
    time: int


def token_in(authorization: str) -> str:
    """The token in an ``Authorization`` field, or "" where there is none that could be right.

    Args:
        authorization: The field's value; may be anything.

    Returns:
        At most some 260 characters of Base64, so that it can stand in any line.
    """
    scheme, _, token = authorization.strip()[:300].partition(" ")
    token = token.strip()
    return token if scheme.lower() in _SCHEMES and _TOKEN.fullmatch(token) else ""


def verify(token: str, key: Secret, serial: str | None, at: datetime) -> TokenProof | None:
    """Whether a token was made with a site's key, for a device, at about this time. Never raises.

    It does not say that the token is new: who asks must remember the last time that was accepted.

    Args:
        token: From :func:`token_in`; may be anything.
        key: The site key, 32 bytes.
        serial: Whose it has to be; None to believe the token.
        at: When it came. Aware.
    """
    for named, ciphertext, may_be_ecb in _forms(token):
        if serial is not None and not hmac.compare_digest(named.hex().upper().encode(), serial.encode()):
            continue
        when, who = _decrypted(ciphertext, key)
        # block by block, CBC is ECB with the ciphertext of the block before put over it (NIST SP 800-38A section 6.2)
        by_ecb = bytes(one ^ other for one, other in zip(who, ciphertext[:_BLOCK], strict=True))
        is_whose = hmac.compare_digest(who, named) | (may_be_ecb & hmac.compare_digest(by_ecb, named))
        time = _near(when, at) if is_whose else None
        if time is not None:
            return TokenProof(named.hex().upper(), time)
    return None


def _forms(token: str) -> Iterator[tuple[bytes, bytes, bool]]:
    """What a token may be: a serial number in the clear, 32 bytes of ciphertext, and whether ECB is possible."""
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
    """The time in a block, if it is one of the window around a time."""
    now, window = at.timestamp(), WINDOW.total_seconds()
    return next((time for time in _times(block) if abs(time - now) <= window), None)


def _times(block: bytes) -> Iterator[int]:
    digits = _DIGITS.fullmatch(block)
    if digits is not None:
        try:
            yield int(datetime.strptime(digits[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp())
        except ValueError:  # 99 is no month
            return
    if block[:8] == bytes(8):
        yield int.from_bytes(block[8:], "big")
        yield int.from_bytes(block[8:], "little")
