"""What a partner's part of the ingress may keep and read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engage_server.records import Downlink, KpnDevice, PathEvent, Secret


class Journal(Protocol):
    """Keeps events until they are in the store."""

    def record(self, events: Sequence[PathEvent]) -> bool:
        """Keep all of these events. False if they cannot be kept: answer 503 then, so that the partner tries again."""


class LinkTables(Protocol):
    """The tables that operators fill for the links. What is returned may be some seconds old."""

    def kpn_device(self, imei: str) -> KpnDevice | None:
        """Return a registered device. None if it is unknown."""

    def kpn_secret(self, device: KpnDevice) -> Secret | None:
        """Return a device's secret, opened. None if it has none.

        Raises:
            SealBroken: It was sealed under another key.
        """

    def executing_downlink(self, imei: str) -> Downlink | None:
        """Return the device's downlink in status Executing. There is at most one."""

    def deliver(self, downlink: Downlink, at: datetime) -> bool:
        """Take a downlink for one answer. True for exactly one caller: only that one may send it."""


class OpensSecrets(Protocol):
    """Opens sealed secrets; see :class:`engage_server.store.sealing.LinkSealer`."""

    def open(self, sealed: bytes, purpose: str) -> Secret:
        """Decrypt.

        Raises:
            SealBroken: It was sealed with another key or for another purpose, or has changed since.
        """
