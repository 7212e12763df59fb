"""The two kinds of shared secret. Each has its own pattern, and neither is accepted for the other.

A device's secret follows the document. That of an HTTPS destination follows KPN's page on destinations.
"""

import re
import secrets
import string
from enum import StrEnum

from engage_server.errors import UsageError
from engage_server.records import Secret

DEVICE_SECRET = re.compile(rb"[0-9a-zA-Z]{30,100}")
DESTINATION_LENGTH = 32

# printable and safe to copy: no quotes, no backslash, no space, nothing that a shell or a form would change
_SPECIAL = "!#%+-.:=@_~"
_ALPHANUMERIC = string.ascii_letters + string.digits
_CLASSES = (string.ascii_uppercase, string.ascii_lowercase, string.digits, _SPECIAL)
_GENERATED_LENGTH = 48
_MAX_LENGTH = 1024


class SecretKind(StrEnum):
    """What a shared secret is for."""

    DEVICE = "device"
    DESTINATION = "destination"


def assert_usable(secret: Secret, kind: SecretKind, where: str) -> None:
    """Check a secret against the pattern of its kind. The error never repeats it.

    Args:
        secret: Without a line end.
        kind: What it is for.
        where: What holds it, such as a file. It begins the error's sentence.

    Raises:
        UsageError: It does not follow the pattern.
    """
    value = secret.reveal()
    if kind is SecretKind.DEVICE:
        if not DEVICE_SECRET.fullmatch(value):
            raise UsageError(
                f"{where} holds no device secret: KPN demands 30 to 100 letters and digits, and nothing else",
                "Make one: engage kpn secret",
            )
    elif not _is_destination_secret(value):
        raise UsageError(
            f"{where} holds no destination secret: KPN demands {DESTINATION_LENGTH} characters or more, with an "
            "upper-case letter, a lower-case letter, a digit and a special character",
            "Make one: engage kpn secret --destination",
        )


def new_secret(kind: SecretKind) -> Secret:
    """Make a random secret that follows the pattern of its kind."""
    alphabet = _ALPHANUMERIC if kind is SecretKind.DEVICE else _ALPHANUMERIC + _SPECIAL
    while True:  # nearly every first one has all four classes
        value = "".join(secrets.choice(alphabet) for _ in range(_GENERATED_LENGTH)).encode()
        if kind is SecretKind.DEVICE or _is_destination_secret(value):
            return Secret(value)


def _is_destination_secret(value: bytes) -> bool:
    if not DESTINATION_LENGTH <= len(value) <= _MAX_LENGTH:
        return False
    text = value.decode("latin-1")
    if not all("!" <= character <= "~" for character in text):
        return False
    upper, lower, digits, _ = _CLASSES
    kinds = {
        "upper"
        if character in upper
        else "lower"
        if character in lower
        else "digit"
        if character in digits
        else "other"
        for character in text
    }
    return len(kinds) == len(_CLASSES)
