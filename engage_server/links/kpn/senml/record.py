"""One record of a SenML pack: its fields and their types, before base values are applied."""

import base64
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engage_server.errors import BodyInvalid
from engage_server.protocol.json_body import Json

Number = int | float
Value = Number | str | bool | bytes

_DATA = re.compile(r"[-_A-Za-z0-9]*")  # base64url without padding (RFC 8428 section 5)
_QUANTUM = 4  # characters of Base64 that make three bytes
_VALUES = ("v", "vs", "vb", "vd")
_REGULAR = frozenset({*_VALUES, "n", "u", "s", "t", "ut"})
_SHOWN = 20  # characters of a label of others in a message


@dataclass(frozen=True, slots=True)
class BaseFields:
    """The base fields of one record. None: the record does not have it."""

    name: str | None
    time: Number | None
    unit: str | None
    value: Number | None
    sum: Number | None
    version: int | None


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was sent, with right types.

    Attributes:
        number: Its place in the pack: 1, 2, 3 ...
        base: Its base fields.
        holds_base_values_alone: Whether it has no regular field. Fields that we do not know do not count.
        name, unit, value, sum, time, update_time: Its regular fields. The name is "" if missing, the others None.
    """

    number: int
    base: BaseFields
    holds_base_values_alone: bool
    name: str
    unit: str | None
    value: Value | None
    sum: Number | None
    time: Number | None
    update_time: Number | None


def as_record(value: Json, number: int) -> Record:
    """Read one record.

    Args:
        value: What the JSON array holds at this place.
        number: The place: 1, 2, 3 ...

    Raises:
        BodyInvalid: It is not an object, a field has a wrong type, or there is a field that we would have to know.
    """
    if not isinstance(value, dict):
        raise bad(number, "is not a JSON object", "Send a list of objects: [{...}].")
    fields = _Fields(value, number)
    fields.assert_known()
    return Record(
        number=number,
        base=BaseFields(
            name=fields.text("bn"),
            time=fields.number_in("bt"),
            unit=fields.text("bu"),
            value=fields.number_in("bv"),
            sum=fields.number_in("bs"),
            version=fields.version(),
        ),
        holds_base_values_alone=_REGULAR.isdisjoint(value),
        name=fields.text("n") or "",
        unit=fields.text("u"),
        value=fields.value(),
        sum=fields.number_in("s"),
        time=fields.number_in("t"),
        update_time=fields.number_in("ut"),
    )


def bad(number: int, what: str, next_step: str) -> BodyInvalid:
    """Build the error for one record."""
    return BodyInvalid(f"record {number} of the SenML pack {what}", next_step)


@dataclass(frozen=True, slots=True)
class _Fields:
    """The members of one object, each read with its type."""

    members: Mapping[str, Any]
    number: int

    def assert_known(self) -> None:
        """Reject a field that we would have to understand: its label ends in "_" (section 4.4). Ignore others."""
        for label in self.members:
            if label.endswith("_"):
                raise bad(
                    self.number,
                    f"has the field {label[:_SHOWN]!r}, which a reader must understand",
                    "Leave it out: this server knows no such field.",
                )

    def text(self, label: str) -> str | None:
        """A string; None if it is missing."""
        found = self.members.get(label)
        if isinstance(found, str) or (found is None and label not in self.members):
            return found
        raise self._wrong(label, "a string")

    def number_in(self, label: str) -> Number | None:
        """A number that a double can hold; None if it is missing."""
        if label not in self.members:
            return None
        found = self.members[label]
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise self._wrong(label, "a number")
        if not is_finite(found):
            raise self._wrong(label, "a number that a double can hold")
        return found

    def version(self) -> int | None:
        """The base version; None if it is missing."""
        found = self.members.get("bver")
        if "bver" not in self.members:
            return None
        if isinstance(found, bool) or not isinstance(found, int) or found < 1:
            raise self._wrong("bver", "a positive integer")
        return found

    def value(self) -> Value | None:
        """The one value; None without one.

        Raises:
            BodyInvalid: There are several.
        """
        given = [label for label in _VALUES if label in self.members]
        if len(given) > 1:
            raise bad(self.number, f"has several values: {', '.join(given)}", "Give each record one value.")
        if not given:
            return None
        label = given[0]
        if label == "v":
            return self.number_in(label)
        return self._truth() if label == "vb" else self._data() if label == "vd" else self.text(label)

    def _truth(self) -> bool:
        found = self.members["vb"]
        if isinstance(found, bool):
            return found
        raise self._wrong("vb", "true or false")

    def _data(self) -> bytes:
        found = self.members["vd"]
        if not isinstance(found, str) or not _DATA.fullmatch(found) or len(found) % _QUANTUM == 1:
            raise self._wrong("vd", "base64url without padding")
        return base64.urlsafe_b64decode(found + "=" * (-len(found) % _QUANTUM))

    def _wrong(self, label: str, wanted: str) -> BodyInvalid:
        return bad(self.number, f"has a field {label!r} that is not {wanted}", "See RFC 8428 section 4.")


def is_finite(number: Number) -> bool:
    """Whether a double can hold a number."""
    try:
        return math.isfinite(float(number))
    except OverflowError:
        return False
