"""Write SenML packs, in the form that the document shows: base values first, no white space."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engage_server.errors import BodyInvalid, UsageError
from engage_server.links.kpn.device_name import DeviceName
from engage_server.links.kpn.senml.reading import is_name
from engage_server.links.kpn.senml.record import is_finite
from engage_server.protocol.json_body import Json, read_json, write_json

_LABELS = {bool: "vb", str: "vs", int: "v", float: "v"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One name with its value, as an operator gave it."""

    name: str
    value: float | str | bool


def read_reading(text: str) -> Reading:
    """Read ``name=value``.

    A number, ``true`` and ``false`` are what they look like. Anything else is text. Quote a text that looks like a
    number: ``name="1"``.

    Raises:
        UsageError: It has no name that SenML allows, or a number that is too large.
    """
    name, equals, value = text.partition("=")
    if not equals or not is_name(f"x{name}") or not name:
        raise UsageError(
            f"{text!r} is not a name with a value",
            "Give name=value. A name has letters, digits and - : . / _ only.",
        )
    return Reading(name, _value(value))


def write_pack(device: DeviceName, readings: Sequence[Reading], at: datetime | None) -> bytes:
    """Write a pack of one device, without white space outside of texts.

    Args:
        device: Whose it is.
        readings: At least one.
        at: When they were read. None: leave the time to the receiver.
    """
    base: dict[str, Json] = {"bn": str(device)}
    if at is not None:
        base["bt"] = int(at.timestamp())
    values: list[Json] = [{"n": each.name, _LABELS[type(each.value)]: each.value} for each in readings]
    return write_json([base, *values])


def _value(text: str) -> float | str | bool:
    try:
        found = read_json(text.encode("utf-8", "surrogateescape"), strict=True)
    except BodyInvalid:
        found = text
    if isinstance(found, int | float) and not isinstance(found, bool) and not is_finite(found):
        raise UsageError(f"{text[:20]}... is too large a number", "Give a smaller one, or quote it to send a text.")
    if isinstance(found, bool | int | float | str):
        return found
    return text
