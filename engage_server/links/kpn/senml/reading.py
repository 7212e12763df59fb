"""Read SenML packs (RFC 8428) in JSON, and KPN's older form of them.

In KPN's older form the first record holds base values alone. RFC 8428 wants a value in every record, and KPN calls its
own form wrong. Both are accepted. CBOR, XML and EXI are not: KPN sends JSON only.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from engage_server.errors import BodyInvalid
from engage_server.links.kpn.senml.record import Number, Record, Value, as_record, bad, is_finite
from engage_server.protocol.json_body import read_json

VERSION = 10  # of RFC 8428; a higher one may mean anything
RELATIVE_BELOW = 2**28  # seconds: a smaller time is relative to now (section 4.5.3)

_NAME = re.compile(r"[A-Za-z0-9][-A-Za-z0-9:./_]*")
_FIRST = datetime(1, 1, 2, tzinfo=UTC).timestamp()
_LAST = datetime(9999, 12, 30, tzinfo=UTC).timestamp()
_MAX_DEPTH = 8  # unknown fields may hold lists and objects


@dataclass(frozen=True, slots=True)
class Measurement:
    """A resolved record: nothing in it depends on another record.

    Attributes:
        base_name: The base name (``bn``) that applied to it; "" without one.
        name: The whole name: base name and name.
        unit: "" if none was given.
        value: None if the record has only a sum. Bytes are a data value (``vd``).
        sum: The integrated value; None without one.
        time: Seconds since 1970. They may have fractions, and may be in the future.
        is_absolute: Whether the sender stated that time. If not, it is counted from the moment of receipt.
        update_time: In how many seconds at most the sender reports again; None if it did not say so.
    """

    base_name: str
    name: str
    unit: str
    value: Value | None
    sum: Number | None
    time: float
    is_absolute: bool
    update_time: Number | None


def read_pack(body: bytes, at: datetime) -> tuple[Measurement, ...]:
    """Read a pack, and resolve its records.

    Args:
        body: JSON in UTF-8, as received.
        at: The moment of receipt, aware. Times that are missing or relative are counted from it.

    Returns:
        At least one measurement, in the order of the pack.

    Raises:
        BodyInvalid: It is not JSON that every reader reads alike, or not SenML. The message does not quote values.
    """
    records = read_json(body, _MAX_DEPTH, strict=True)
    if not isinstance(records, list):
        raise BodyInvalid("the body is no SenML pack: it is not a JSON array", "Send a list of records: [{...}].")
    base, found = _Base(), []
    for number, each in enumerate(records, 1):
        record = as_record(each, number)
        base.take(record)
        if number > 1 or not record.holds_base_values_alone:
            found.append(_resolved(record, base, at))
    if not found:
        raise BodyInvalid("the SenML pack has no measurement", "Send at least one record with a value.")
    return tuple(found)


def is_name(text: str) -> bool:
    """Whether a text may be the whole name of a measurement (RFC 8428 section 4.5.1)."""
    return _NAME.fullmatch(text) is not None


def names_in(measurements: Sequence[Measurement]) -> tuple[str, ...]:
    """Return who reports, each once: the base name of each measurement, or its whole name if it has no base name."""
    return tuple(dict.fromkeys(each.base_name or each.name for each in measurements))


@dataclass(slots=True)
class _Base:
    """The base values that apply to a record, from it and the records before it (section 4.1)."""

    name: str = ""
    time: Number = 0
    unit: str = ""
    value: Number | None = None
    sum: Number | None = None
    version: int | None = None

    def take(self, record: Record) -> None:
        base = record.base
        self.name = self.name if base.name is None else base.name
        self.time = self.time if base.time is None else base.time
        self.unit = self.unit if base.unit is None else base.unit
        self.value = self.value if base.value is None else base.value
        self.sum = self.sum if base.sum is None else base.sum
        self._take_version(record)

    def _take_version(self, record: Record) -> None:
        given = record.base.version
        if given is not None and given > VERSION:
            raise bad(record.number, f"has a higher version than {VERSION}", f"Send SenML of version {VERSION}.")
        before = self.version
        self.version = given or before or VERSION
        if before not in (None, self.version):
            raise bad(record.number, "has another version than the record before it", "Use one version in a pack.")


def _resolved(record: Record, base: _Base, at: datetime) -> Measurement:
    name = base.name + record.name
    if not is_name(name):
        raise bad(
            record.number,
            "has no name that RFC 8428 allows",
            "Use letters, digits and - : . / _ in bn and n. Begin with a letter or digit.",
        )
    value, total = _value(record, base), _sum_of(record, base.sum, record.sum)
    if value is None and total is None:
        raise bad(record.number, "has no value", "Give each record one of v, vs, vb, vd, or a sum s.")
    time, is_absolute = _time(record, base, at)
    return Measurement(
        base_name=base.name,
        name=name,
        unit=base.unit if record.unit is None else record.unit,
        value=value,
        sum=total,
        time=time,
        is_absolute=is_absolute,
        update_time=record.update_time,
    )


def _value(record: Record, base: _Base) -> Value | None:
    """The value: a number is added to the base value, which has no meaning for texts, truths and data."""
    if record.value is None:
        return _sum_of(record, base.value, None)
    if isinstance(record.value, bool | str | bytes):
        return record.value
    return _sum_of(record, base.value, record.value)


def _sum_of(record: Record, one: Number | None, other: Number | None) -> Number | None:
    """Add two numbers of which one may be missing (section 4.5.4). None if both are."""
    if one is None or other is None:
        return other if one is None else one
    total = one + other
    if not is_finite(total):
        raise bad(record.number, "has a number that is too large", "Send smaller numbers.")
    return total


def _time(record: Record, base: _Base, at: datetime) -> tuple[float, bool]:
    stated = _sum_of(record, base.time, record.time or 0) or 0
    is_absolute = stated >= RELATIVE_BELOW
    time = float(stated) if is_absolute else at.timestamp() + float(stated)
    if not _FIRST <= time <= _LAST:
        raise bad(record.number, "has a time outside the years 1 to 9999", "Send seconds since 1970.")
    return time, is_absolute
