"""The meaning of the codes in a device's audits.

The source of every row is the protocol notes, section 5, "audit codes worth knowing", reported from the field. The
vendor's whole list is not public. Any other code is shown as received.
"""

from dataclasses import dataclass
from enum import Enum, auto

SOURCE = "protocol notes, section 5 (reported from the field)"


class Proof(Enum):
    """What an event proves about the trust anchor and the connection to this host."""

    ANCHOR_TAKEN = auto()  # the device checked a certificate's hash and installed it
    ANCHOR_REFUSED = auto()  # the device downloaded one, or tried to, and did not install it
    CONNECTION = auto()  # information about its connections, for people to read


@dataclass(frozen=True, slots=True)
class EventMeaning:
    """One row of the table.

    Attributes:
        code: Four upper-case hexadecimal digits.
        sentence: What happened, to follow "the device reports: ".
        proof: What it is evidence of.
        is_trouble: Whether a connection failed. It is shown to people, but proves nothing about the anchor.
        data_is_status: Whether its data is an HTTP status code.
    """

    code: str
    sentence: str
    proof: Proof
    is_trouble: bool = False
    data_is_status: bool = False


_ROWS = (
    EventMeaning("0B05", "the connection to its host failed", Proof.CONNECTION, is_trouble=True),
    EventMeaning("0B07", "a download succeeded", Proof.CONNECTION),
    EventMeaning("0B08", "a download failed", Proof.CONNECTION, is_trouble=True),
    EventMeaning(
        "0B0C", "its host answered with an HTTP error", Proof.CONNECTION, is_trouble=True, data_is_status=True
    ),
    EventMeaning(
        "1100", "the certificate's hash matched its site key, and it installed the anchor", Proof.ANCHOR_TAKEN
    ),
    EventMeaning(
        "1101", "the certificate's hash did not match its site key, and it kept its anchor", Proof.ANCHOR_REFUSED
    ),
    EventMeaning("1202", "the certificate was downloaded (gateway)", Proof.CONNECTION),
    EventMeaning("1203", "the certificate could not be downloaded (gateway)", Proof.ANCHOR_REFUSED),
    EventMeaning(
        "1206", "its host's chain does not end at its anchor, or its clock is wrong", Proof.CONNECTION, is_trouble=True
    ),
)
MEANINGS = {row.code: row for row in _ROWS}
TROUBLE_CODES = frozenset(row.code for row in _ROWS if row.is_trouble)


def sentence_of(code: str, data: str = "") -> str:
    """The meaning of an event as text.

    Args:
        code: Four upper-case hexadecimal digits, or anything else that was received as a code.
        data: Its data in hexadecimal; "" if there is none.
    """
    meaning = MEANINGS.get(code)
    if meaning is None:
        return f"event {code}" + (f" with data {data}" if data else "") + " (its meaning is not published)"
    if meaning.data_is_status and data:
        return f"{meaning.sentence}: {_status(data)}"
    return meaning.sentence


def sentence_of_report(report: str) -> str:
    """The meaning of an event in the form that evidence stores: code, space, data. "" for an empty report."""
    code, _, data = report.partition(" ")
    return sentence_of(code, data) if code else ""


def _status(data: str) -> str:
    """An HTTP status from data: read as hexadecimal or decimal, whichever gives a status (RFC 9110 section 15)."""
    readings = [int(data, 16), int(data) if data.isdigit() else 0]
    return next((str(number) for number in readings if 100 <= number <= 599), data)
