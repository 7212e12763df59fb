"""Signs webhooks as the Standard Webhooks specification says: HMAC-SHA256 over id, time and body."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from engage_server.errors import UsageError
from engage_server.records import Secret

_PREFIX = b"whsec_"
_FEWEST_BYTES, _MOST_BYTES = 24, 64
_NEW_BYTES = 32
_MOST_KEYS = 2


def new_signing_key() -> Secret:
    """Make a key, as the text that its receiver is given."""
    return Secret(_PREFIX + base64.b64encode(secrets.token_bytes(_NEW_BYTES)))


def read_signing_keys(content: bytes) -> list[Secret]:
    """Read one key, or two while a receiver changes from one to the other. Each stands on its own line.

    Raises:
        UsageError: It holds no such keys. They are not repeated.
    """
    lines = content.split()
    if not 1 <= len(lines) <= _MOST_KEYS or not all(map(_is_key, lines)):
        raise UsageError(
            "there is no signing key of a webhook where one was expected",
            f"It is whsec_ and Base64 of {_FEWEST_BYTES} to {_MOST_BYTES} bytes, on one line. Two lines sign twice.",
            code="alert.signing_key",
        )
    return [Secret(line) for line in lines]


def signed_fields(keys: Sequence[Secret], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the header fields that let a receiver verify a webhook.

    Args:
        keys: The keys, each of which signs.
        message_id: The same in each attempt.
        at: When this attempt is made. Receivers refuse what is some minutes old.
        body: Exactly what is sent.
    """
    moment = str(int(at.timestamp()))
    signed = f"{message_id}.{moment}.".encode() + body
    signatures = (hmac.new(_key_bytes(key.reveal()), signed, hashlib.sha256).digest() for key in keys)
    written = " ".join(f"v1,{base64.b64encode(each).decode()}" for each in signatures)
    return {"webhook-id": message_id, "webhook-timestamp": moment, "webhook-signature": written}


def _is_key(text: bytes) -> bool:
    try:
        return text.startswith(_PREFIX) and _FEWEST_BYTES <= len(_key_bytes(text)) <= _MOST_BYTES
    except binascii.Error:
        return False


def _key_bytes(text: bytes) -> bytes:
    return base64.b64decode(text.removeprefix(_PREFIX), validate=True)
