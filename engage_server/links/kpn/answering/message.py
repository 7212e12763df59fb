"""A message of a device, and the path event that it becomes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from engage_server.errors import BodyInvalid
from engage_server.links.kpn.device_name import DeviceName, device_name
from engage_server.links.kpn.link_keys import KpnLink
from engage_server.links.kpn.senml.reading import Measurement, names_in, read_pack
from engage_server.links.kpn.senml.resolved import shown_value
from engage_server.records import PathEvent, PathSays
from engage_server.shown_text import shown_text

KIND = "kpn_message"

_SHOWN_MEASUREMENTS = 10
_SHOWN_TEXT = 60  # characters of one measurement, or of a name
_SHOWN_NAME = 200


@dataclass(frozen=True, slots=True)
class Message:
    """What came, read but not proven.

    Attributes:
        body_digest: SHA-256 of the raw body, in hexadecimal.
        measurements: At least one.
        reporter: The base name of the first one, or its whole name if it has none.
        device: The device that all measurements name. None if one of them names none.
    """

    body_digest: str
    measurements: tuple[Measurement, ...]
    reporter: str
    device: DeviceName | None

    @property
    def key(self) -> str:
        """What makes it one event: base name, resolved time and body.

        A message that states its time is one event however often it comes. One without a time is not: a second report
        then looks like a repeated one.
        """
        parts = (self.reporter, repr(self.measurements[0].time), self.body_digest)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    @property
    def states_its_time(self) -> bool:
        """Whether the same body always has the same key."""
        return self.measurements[0].is_absolute

    def event(self, link: KpnLink, at: datetime, proof: str, plug: str = "") -> PathEvent:
        """Build the event: the path of this link works.

        Args:
            link: The link that it came over.
            at: When it was received.
            proof: What proved its sender, in words.
            plug: What the field ``Things-Plug-UUID`` says; "" without one. The token does not cover it.
        """
        detail = {**self._detail(), "proof": proof} | ({"plug_uuid": _shortened(plug)} if plug else {})
        return PathEvent(link.site, link.name, at, KIND, PathSays.WORKS, detail, self.key)

    def _detail(self) -> Mapping[str, str]:
        first = self.measurements[0]
        return {
            "bn": _shortened(self.reporter, _SHOWN_NAME),
            "measured_at": datetime.fromtimestamp(first.time, UTC).isoformat(),
            "time_stated": "yes" if first.is_absolute else "no",
            "measurements": _listed(self.measurements),
            "body_sha256": self.body_digest,
        }


def read_message(body: bytes, at: datetime) -> Message:
    """Read a message.

    Args:
        body: As received.
        at: The moment of receipt.

    Raises:
        BodyInvalid: It is no SenML pack, or it names two devices: one secret proves only one.
    """
    measurements = read_pack(body, at)
    names = names_in(measurements)
    devices = {device_name(name) for name in names}
    if len(devices - {None}) > 1:
        raise BodyInvalid("the SenML pack names two devices", "Send a pack for each device.")
    device = devices.pop() if len(devices) == 1 else None
    return Message(hashlib.sha256(body).hexdigest(), measurements, names[0], device)


def _listed(measurements: tuple[Measurement, ...]) -> str:
    shown = [_shortened(_one(each)) for each in measurements[:_SHOWN_MEASUREMENTS]]
    more = len(measurements) - len(shown)
    return "; ".join([*shown, f"and {more} more"] if more else shown)


def _one(measurement: Measurement) -> str:
    name = measurement.name.removeprefix(measurement.base_name) or measurement.name
    return f"{name}={shown_value(measurement)}"


def _shortened(text: str, most: int = _SHOWN_TEXT) -> str:
    shown = shown_text(text[: most + 1])
    return shown if len(text) <= most else f"{shown[:most]}..."
