"""Registers devices on KPN SIMs, and queues messages to them. Each act has one audit entry."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from engage_server.errors import Conflict, NotFound
from engage_server.records import (
    AuditAction,
    Downlink,
    DownlinkChannel,
    DownlinkStatus,
    KpnDevice,
    Occasion,
    Secret,
    SimType,
)
from engage_server.store.interface import KpnStore

SMS_KEPT_FOR = timedelta(hours=48)  # KPN Things, "SMS downlink communication": after that the network discards it


class SealsSecrets(Protocol):
    """Seals secrets of devices; see :class:`engage_server.store.sealing.LinkSealer`."""

    def seal(self, secret: Secret, purpose: str) -> bytes:
        """Encrypt a secret so that it can be opened only for the same purpose."""


@dataclass(frozen=True, slots=True)
class SimCard:
    """What an operator knows of a device's SIM.

    Attributes:
        iccid, msisdn, rate_plan: As given; "" if not given.
        sim_type: Only M2M+ takes SMS.
    """

    iccid: str = ""
    msisdn: str = ""
    rate_plan: str = ""
    sim_type: SimType = SimType.M2M


def secret_purpose(imei: str) -> str:
    """What a device's secret is sealed for. With another text it cannot be opened."""
    return f"kpn_device/{imei}"


class KpnDevices:
    """The register.

    Args:
        store: The store.
        sealer: Returns what seals secrets. Called only when a device with a secret is added.
    """

    def __init__(self, store: KpnStore, sealer: Callable[[], SealsSecrets]) -> None:
        self._store = store
        self._sealer = sealer

    def add(self, imei: str, link: str, sim: SimCard, secret: Secret | None, occasion: Occasion) -> KpnDevice:
        """Register a device.

        Args:
            imei: 15 digits, checked by the caller.
            link: Its link.
            sim: Its SIM.
            secret: Its shared secret. None: it is accepted only from the link's private network.
            occasion: Who does it, and when.

        Raises:
            Conflict: It is registered already.
        """
        sealed = None if secret is None else self._sealer().seal(secret, secret_purpose(imei))
        device = KpnDevice(
            imei=imei,
            link=link,
            iccid=sim.iccid,
            msisdn=sim.msisdn,
            rate_plan=sim.rate_plan,
            sim_type=sim.sim_type,
            sealed_secret=sealed,
            added_at=occasion.now,
        )
        proof = "none" if sealed is None else "secret"
        self._store.add_kpn_device(
            device, occasion.event(AuditAction.KPN_DEVICE_ADDED, imei=imei, link=link, proof=proof)
        )
        return device

    def remove(self, imei: str, occasion: Occasion) -> None:
        """Remove a device and the messages to it.

        Raises:
            NotFound: There is no such device.
        """
        self._store.remove_kpn_device(imei, occasion.event(AuditAction.KPN_DEVICE_REMOVED, imei=imei))

    def all(self) -> Sequence[KpnDevice]:
        """Return all devices, by IMEI."""
        return self._store.kpn_devices()

    def device(self, imei: str) -> KpnDevice:
        """Return one device.

        Raises:
            NotFound: There is no such device.
        """
        for each in self._store.kpn_devices():
            if each.imei == imei:
                return each
        raise NotFound(
            f"there is no device with IMEI {imei}", "List them: engage kpn device list", code="kpn_device.not_found"
        )

    def send(self, imei: str, channel: DownlinkChannel, content: str, occasion: Occasion) -> Downlink:
        """Queue a message.

        Raises:
            NotFound: There is no such device.
            Conflict: It is an SMS, and the device's SIM takes none.
        """
        if channel is DownlinkChannel.SMS and self.device(imei).sim_type is not SimType.M2M_PLUS:
            raise Conflict(
                f"the SIM of device {imei} takes no SMS: only an M2M+ SIM does",
                "Send it with the next answer instead: leave --sms out.",
                code="downlink.no_sms",
            )
        event = occasion.event(AuditAction.DOWNLINK_QUEUED, imei=imei, channel=channel.value)
        return self._store.queue_downlink(imei, channel, content, occasion.now, event)

    def downlinks(self, imei: str | None = None) -> Sequence[Downlink]:
        """Return messages, oldest first."""
        return self._store.downlinks(imei)

    def cancel(self, number: int, occasion: Occasion) -> Downlink:
        """Cancel a message.

        Raises:
            NotFound: There is no such message.
            Conflict: It is over already.
        """
        event = occasion.event(AuditAction.DOWNLINK_CANCELLED, downlink=str(number))
        return self._store.cancel_downlink(number, occasion.now, event)

    def execute_waiting(self, now: datetime) -> int:
        """Let the next message of each device execute, where an ingress has delivered the one before. How many."""
        return self._store.execute_downlinks(now)

    def discard_old_sms(self, now: datetime) -> int:
        """Move each SMS that the network no longer tries to failed. Return how many.

        The 48 hours begin when a message begins to execute: until then, it waits for another one.
        """
        old = [
            each
            for each in self._store.downlinks(status=DownlinkStatus.EXECUTING)
            if each.channel is DownlinkChannel.SMS and now - each.changed_at >= SMS_KEPT_FOR
        ]
        return sum(self._store.end_downlink(each.number, DownlinkStatus.FAILED, now) for each in old)
