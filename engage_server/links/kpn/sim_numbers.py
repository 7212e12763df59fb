"""The numbers of a SIM that an operator gives for a device."""

import re

from engage_server.errors import UsageError

_ICCID = re.compile(r"89[0-9]{16,18}[0-9F]?")  # ITU-T E.118: 89, then up to 20 in all; some labels end with a filler F
_MSISDN = re.compile(r"\+?[0-9]{6,15}")  # ITU-T E.164, or the national form that the document calls 06-nummer
_MAX_RATE_PLAN = 100


def read_iccid(text: str) -> str:
    """Read an ICCID; "" for none.

    Raises:
        UsageError: It is something else.
    """
    if text and not _ICCID.fullmatch(text):
        raise UsageError(
            f"{text[:40]!r} is not an ICCID", "Copy the 18 to 21 characters on the SIM. They begin with 89."
        )
    return text


def read_msisdn(text: str) -> str:
    """Read a telephone number; "" for none.

    Raises:
        UsageError: It is something else.
    """
    if text and not _MSISDN.fullmatch(text):
        raise UsageError(
            f"{text[:40]!r} is not a telephone number", "Give 6 to 15 digits, with or without a + in front."
        )
    return text


def read_rate_plan(text: str) -> str:
    """Read the name of a rate plan; "" for none.

    Raises:
        UsageError: It is too long, or has characters that cannot be printed.
    """
    if len(text) > _MAX_RATE_PLAN or not text.isprintable():
        raise UsageError("the name of the rate plan cannot be used", f"Give at most {_MAX_RATE_PLAN} letters.")
    return text
