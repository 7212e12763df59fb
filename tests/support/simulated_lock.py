"""A fleet on simulated time: years of nights in seconds, without a socket, the same for the same seed."""

import json
from array import array
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Protocol
from urllib.parse import urlsplit

from cryptography import x509

from engage_server.lock.acceptance.without_socket import assert_accepted
from engage_server.lock.firmware import Firmware
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.protocol.notice import digest_of
from engage_server.protocol.site_key import anchor_hash, hashes_equal
from engage_server.records import Secret

_NO_ANCHOR = 0


class SimulatedHost(Protocol):
    """What a device can ask of a host; an adapter puts it in front of the services.

    Devices are numbers from 0 on.
    """

    def notice(self, device: int) -> bytes | None:
        """The notice's body; None when the host answers otherwise."""

    def der(self, device: int, path: str) -> bytes | None:
        """What this path gives; None when there is nothing."""

    def presented(self, device: int) -> tuple[bytes, ...]:
        """The chain that TLS sends, as DER; empty when there is no TLS."""

    def shaken(self, device: int, why: str) -> None:
        """How the handshake ended: "" when the device accepted the chain, else why it did not."""


@dataclass(frozen=True, slots=True)
class Life:
    """What befalls a device, as chances for each night.

    Attributes:
        sleeps_in: It does not call this night.
        battery_dies: It is gone for ``battery_nights``.
        battery_nights: Until somebody brings another battery.
        is_reset: It forgets its anchor.
    """

    sleeps_in: float = 0.02
    battery_dies: float = 0.0005
    battery_nights: int = 20
    is_reset: float = 0.0002


@dataclass(slots=True)
class Night:
    """What one night brought.

    Attributes:
        well: Devices that came through by TLS.
        silent: Devices that did not call.
        renewed: Devices that took another anchor.
        lost: Devices that called and did not come through, by why.
        held: How many devices hold which anchor in the morning, by digest; "" is none.
    """

    well: int = 0
    silent: int = 0
    renewed: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)


class SimulatedFleet:
    """Devices of one kind and one site that live through simulated nights.

    Args:
        count: Of devices.
        key: Their site key.
        name: The host name that they call.
        seed: Of all that befalls them.
        limits: Of each device.
        firmware: Of each device.
        life: What befalls them.

    Attributes:
        name: The host name that they call.
    """

    def __init__(
        self,
        count: int,
        key: Secret,
        name: str,
        *,
        seed: int,
        limits: DeviceLimits,
        firmware: Firmware,
        life: Life,
    ) -> None:
        self._key, self.name, self._limits, self._firmware, self._life = key, name, limits, firmware, life
        self._random = Random(seed)  # noqa: S311  # nothing is kept secret by it
        self._anchor_of = array("H", bytes(2 * count))
        self._back_in = array("H", bytes(2 * count))  # nights until there is a battery again
        self._anchors: list[bytes] = [b""]
        self._judged: dict[tuple[int, tuple[bytes, ...]], str] = {}

    def night(self, host: SimulatedHost, now: datetime) -> Night:
        """One night: each device calls, unless something keeps it.

        Args:
            host: Whom they call.
            now: Aware; the time of all calls of this night.
        """
        found = Night()
        self._judged.clear()  # dates are judged anew each night
        for number in range(len(self._anchor_of)):
            if self._is_kept_away(number):
                found.silent += 1
            else:
                self._call(number, host, now, found)
        found.held.update(self._digest(index) for index in self._anchor_of)
        return found

    def _is_kept_away(self, number: int) -> bool:
        chance = self._random.random
        if self._back_in[number]:
            self._back_in[number] -= 1
            return True
        if chance() < self._life.battery_dies:
            self._back_in[number] = self._life.battery_nights
            return True
        if chance() < self._life.is_reset:
            self._anchor_of[number] = _NO_ANCHOR
        return chance() < self._life.sleeps_in

    def _call(self, number: int, host: SimulatedHost, now: datetime, found: Night) -> None:
        index = self._anchor_of[number]
        why = self._shaken(number, index, host, now) if index else "it has no anchor"
        if why:
            taken, failure = self._fetched(number, host)
            if taken is None:
                found.lost[failure] += 1
                return
            found.renewed += taken != index
            self._anchor_of[number] = taken
            why = self._shaken(number, taken, host, now)
        if why:
            found.lost[why] += 1
        else:
            found.well += 1

    def _shaken(self, number: int, index: int, host: SimulatedHost, now: datetime) -> str:
        """Call by TLS; why that failed, or ""."""
        why = self._verdict(index, host.presented(number), now)
        host.shaken(number, why)
        return why

    def _verdict(self, index: int, sent: tuple[bytes, ...], now: datetime) -> str:
        """Why a device with this anchor does not accept this chain; "" when it does."""
        known = self._judged.get((index, sent))
        if known is None:
            known = self._judged[index, sent] = self._judge(self._anchors[index], sent, now)
        return known

    def _judge(self, anchor: bytes, sent: tuple[bytes, ...], now: datetime) -> str:
        chain = [x509.load_der_x509_certificate(each) for each in sent]
        trusted = x509.load_der_x509_certificate(anchor)
        try:
            assert_accepted(chain, trusted, self.name, now, self._limits, self._firmware)
        except DeviceRefusal as refusal:
            return refusal.sentence
        return ""

    def _fetched(self, number: int, host: SimulatedHost) -> tuple[int | None, str]:
        """The anchor that the host distributes, or why a device drops it."""
        body = host.notice(number)
        try:
            notice = json.loads(body or b"")
            path, hash_text = urlsplit(notice["cert_url"]).path, str(notice["hash"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return None, "the notice cannot be read"
        der = host.der(number, path)
        if der is None:
            return None, "there is nothing where the notice leads"
        if not hashes_equal(anchor_hash(self._key, der), hash_text):
            return None, "the hash is another under this device's site key"
        if der not in self._anchors:
            self._anchors.append(der)
        return self._anchors.index(der), ""

    def _digest(self, index: int) -> str:
        return digest_of(self._anchors[index]) if index else ""
