"""The names under which devices report: ``urn:dev:IMEI:...`` and ``urn:dev:DVNUUID:...``."""

import re
from dataclasses import dataclass
from enum import StrEnum

from engage_server.errors import UsageError

IMEI_DIGITS = 15

_IMEI = re.compile(r"[0-9]{15}")
_UUID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
# a URN's first two parts are in any case (RFC 8141 section 3.1); what follows the number belongs to a measurement
_NAME = re.compile(
    rf"(?i:urn:dev):(?:IMEI:(?P<imei>[0-9]{{15}})|DVNUUID:(?P<uuid>{_UUID}))(?![0-9A-Za-z-]).*", re.DOTALL
)
_MAX_DIGIT = 9


class NameKind(StrEnum):
    """What the number in a name is."""

    IMEI = "IMEI"
    DVNUUID = "DVNUUID"


@dataclass(frozen=True, slots=True)
class DeviceName:
    """Who reports.

    Attributes:
        kind: What the number is.
        number: 15 digits, or a UUID in lower case.
    """

    kind: NameKind
    number: str

    def __str__(self) -> str:
        """Return the base name (``bn``), with the colon at its end that the document shows."""
        return f"urn:dev:{self.kind}:{self.number}:"


def device_name(text: str) -> DeviceName | None:
    """Return the device in a base name or in a measurement's whole name. None if it names none of these kinds.

    The check digit of an IMEI is not tested: see :func:`has_check_digit`.
    """
    found = _NAME.fullmatch(text)
    if found is None:
        return None
    if found["imei"] is not None:
        return DeviceName(NameKind.IMEI, found["imei"])
    return DeviceName(NameKind.DVNUUID, found["uuid"].lower())


def read_imei(text: str) -> str:
    """Read an IMEI that an operator gave.

    Raises:
        UsageError: It does not have 15 digits.
    """
    if not _IMEI.fullmatch(text):
        raise UsageError(
            f"{text!r} is not an IMEI: it has {IMEI_DIGITS} digits and nothing else",
            "Copy it from the device's label, or dial *#06#. Leave out spaces and dashes.",
        )
    return text


def read_uuid(text: str) -> str:
    """Read the UUID of a device in KPN Things.

    Raises:
        UsageError: It is not a UUID.
    """
    if not re.fullmatch(_UUID, text):
        raise UsageError(
            f"{text!r} is not a UUID", "Copy the device's UUID from KPN Things: 32 hexadecimal digits with dashes."
        )
    return text.lower()


def has_check_digit(imei: str) -> bool:
    """Whether the last digit of an IMEI is right (Luhn, 3GPP TS 23.003 annex B). Test devices often have a wrong one.

    Args:
        imei: 15 digits.
    """
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(imei)]
    return sum(digit - _MAX_DIGIT if digit > _MAX_DIGIT else digit for digit in doubled) % 10 == 0
