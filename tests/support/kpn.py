"""Calls of KPN Things and of devices on its SIMs, for tests."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from engage_server.links.ingress.call import Call
from engage_server.links.kpn.link_keys import KpnLink
from engage_server.records import (
    Downlink,
    DownlinkChannel,
    DownlinkStatus,
    KpnDevice,
    PathEvent,
    Secret,
    SimType,
    read_network,
)
from tests.support.chains import NOW

IMEI, OTHER_IMEI = "490154203237518", "356938035643809"
DEVICE_SECRET, OTHER_SECRET = Secret(b"aB3" * 12), Secret(b"zY9" * 12)
DESTINATION_SECRET = Secret(b"aB3!" * 8)
PRIVATE = "10.151.7.9"
OUTSIDE = "192.0.2.7"

DEPOT = KpnLink("depot-kpn", "depot", "doors", DESTINATION_SECRET, private_network=read_network("10.151.0.0/16"))
PLANT = KpnLink("plant-kpn", "plant", "plant", Secret(b"zY9!" * 8), success_status=201)


def bn(imei: str = IMEI) -> str:
    """The base name of a device."""
    return f"urn:dev:IMEI:{imei}:"


def pack(*values: Mapping[str, Any], imei: str = IMEI, **base: Any) -> bytes:
    """A pack in the document's form, with a base time unless another is given."""
    records = [{"bn": bn(imei), "bt": 1_700_000_000} | base, *(values or ({"n": "door", "vs": "closed"},))]
    return json.dumps(records, separators=(",", ":")).encode()


def token_of(body: bytes, secret: Secret) -> str:
    """The token by hashlib alone: the rule of the document, written a second time."""
    return hashlib.sha256(body + secret.reveal()).hexdigest()


def call(
    body: bytes,
    secret: Secret | None = None,
    *,
    address: str = OUTSIDE,
    fields: Sequence[tuple[str, str]] | None = None,
    at: datetime = NOW,
) -> Call:
    """A call with the right token of a secret; without one if there is no secret; or with these fields."""
    made = () if secret is None else (("things-message-token", token_of(body, secret)),)
    given = tuple(fields) if fields is not None else made
    return Call("POST", "/", "", given, body, address, "links.example.org", True, None, at)


@dataclass
class KeptEvents:
    """Keeps events in memory, as long as it may."""

    events: list[PathEvent] = field(default_factory=list)
    is_full: bool = False

    def record(self, events: Sequence[PathEvent]) -> bool:
        """Keep these."""
        if not self.is_full:
            self.events += events
        return not self.is_full

    @property
    def keys(self) -> list[str]:
        """Their keys."""
        return [each.key for each in self.events]


@dataclass
class FixedTables:
    """The tables of the links in memory."""

    devices: dict[str, KpnDevice] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    downlinks: list[Downlink] = field(default_factory=list)

    def add(self, imei: str, link: KpnLink, secret: Secret | None) -> None:
        """Register a device."""
        sealed = None if secret is None else b"sealed"
        self.devices[imei] = KpnDevice(imei, link.name, "", "", "", SimType.M2M, sealed, NOW)
        if secret is not None:
            self.secrets[imei] = secret

    def execute(self, content: bytes, imei: str = IMEI) -> None:
        """Let a message wait for a device."""
        self.downlinks.append(
            Downlink(
                len(self.downlinks) + 1,
                imei,
                DownlinkChannel.HTTP,
                content.decode(),
                DownlinkStatus.EXECUTING,
                NOW,
                NOW,
            )
        )

    def kpn_device(self, imei: str) -> KpnDevice | None:
        """A device."""
        return self.devices.get(imei)

    def kpn_secret(self, device: KpnDevice) -> Secret | None:
        """Its secret."""
        return self.secrets.get(device.imei)

    def executing_downlink(self, imei: str) -> Downlink | None:
        """What waits for it."""
        waiting = (each for each in self.downlinks if each.imei == imei and each.status is DownlinkStatus.EXECUTING)
        return next(waiting, None)

    def deliver(self, downlink: Downlink, at: datetime) -> bool:
        """Take it once."""
        if downlink not in self.downlinks:
            return False
        place = self.downlinks.index(downlink)
        self.downlinks[place] = replace(downlink, status=DownlinkStatus.DELIVERED, changed_at=at)
        return True
