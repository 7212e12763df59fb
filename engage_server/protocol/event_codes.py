"""What the codes in a device's audits mean.

Source of every row: the protocol notes, section 5, "audit codes worth knowing", reported from the field. The vendor's
whole list is not public: a code that does not stand here is shown as it came.
"""

from dataclasses import dataclass
from enum import Enum, auto

SOURCE = "protocol notes, section 5 (reported from the field)"


class Proof(Enum):
    """What an event says about the trust anchor and the way to this host."""

    ANCHOR_TAKEN = auto()  # it checked a certificate's hash, and installed it
    ANCHOR_REFUSED = auto()  # it downloaded one, or tried to, and did not install it
    CONNECTION = auto()  # something about its connections, for people to read


@dataclass(frozen=True, slots=True)
class EventMeaning:
    """One row of the table.

    Attributes:
        code: Four upper-case hexadecimal digits.
        sentence: What happened, as the end of "the device says: ...".
        proof: What it is evidence of.
        is_trouble: Whether a connection went wrong: people are told, although it proves nothing about the anchor.
        data_is_status: Whether its data is an HTTP status.
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
    EventMeaning("1100", "the certificate's hash matched its site key: it took the anchor", Proof.ANCHOR_TAKEN),
    EventMeaning("1101", "the certificate's hash did not match its site key: it kept its anchor", Proof.ANCHOR_REFUSED),
    EventMeaning("1202", "the certificate was downloaded (gateway)", Proof.CONNECTION),
    EventMeaning("1203", "the certificate could not be downloaded (gateway)", Proof.ANCHOR_REFUSED),
    EventMeaning(
        "1206", "its host's chain does not lead to its anchor, or its clock is wrong", Proof.CONNECTION, is_trouble=True
    ),
)
MEANINGS = {row.code: row for row in _ROWS}
TROUBLE_CODES = frozenset(row.code for row in _ROWS if row.is_trouble)


def sentence_of(code: str, data: str = "") -> str:
    """What an event tells, for people.

    Args:
        code: Four upper-case hexadecimal digits, or whatever came in their place.
        data: Its data in hexadecimal; "" for none.
    """
    meaning = MEANINGS.get(code)
    if meaning is None:
        return f"event {code}" + (f" with data {data}" if data else "") + " (its meaning is not published)"
    if meaning.data_is_status and data:
        return f"{meaning.sentence}: {_status(data)}"
    return meaning.sentence


def sentence_of_report(report: str) -> str:
    """What an event tells, written as evidence keeps it: its code, and its data behind a space. "" for none."""
    code, _, data = report.partition(" ")
    return sentence_of(code, data) if code else ""


def _status(data: str) -> str:
    """Written as hexadecimal of the number, or as its decimal digits: whichever is a status (RFC 9110 section 15)."""
    readings = [int(data, 16), int(data) if data.isdigit() else 0]
    return next((str(number) for number in readings if 100 <= number <= 599), data)
