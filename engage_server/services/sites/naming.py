"""Sets what people call a device."""

from typing import Protocol

from engage_server.errors import NotFound, UsageError
from engage_server.protocol.serial_number import decode_serial
from engage_server.records import (
    LONGEST_NAME,
    LONGEST_PLACE,
    AuditAction,
    DeviceLabel,
    NamedDevice,
    Occasion,
    read_label,
)
from engage_server.store.interface import EvidenceStore, SiteStore


class NamingStore(SiteStore, EvidenceStore, Protocol):
    """The part of the store that this needs."""


class Naming:
    """Names devices. A name puts no device on a list: the first one on a list would stop all others from counting.

    Args:
        store: Holds the labels.
    """

    def __init__(self, store: NamingStore) -> None:
        self._store = store

    def site_of(self, device: str, site: str | None) -> str:
        """The site at which a device is named.

        Args:
            device: Its serial number as hexadecimal digits or Base64, or its address.
            site: The site that the operator named; None for the only one that knows the device.

        Raises:
            UsageError: Several sites know the device (``device.several_sites``).
            NotFound: There is no such site, or no site knows the device.
        """
        if site is not None:
            return self._store.site(site).name
        identity = _identity(device)
        owner = self._store.site_of_device(identity)
        found = {each.site for each in self._store.device_history(identity) if not each.is_shared_address}
        known = sorted(found if owner is None else {owner, *found})
        if not known:
            raise NotFound(
                f"no device {device[:80]!r} was ever seen or added",
                "Give its serial number (32 hexadecimal digits) or its address. List devices: engage device list",
                code="device.not_found",
            )
        if len(known) > 1:
            raise UsageError(
                f"device {identity} is known at sites {', '.join(known)}",
                "Name one of them: --site NAME.",
                code="device.several_sites",
            )
        return known[0]

    def name(
        self,
        device: str,
        site: str,
        name: str | None,
        place: str | None,
        occasion: Occasion,
        expected: DeviceLabel | None = None,
    ) -> NamedDevice:
        """Set the name or the place of a device that is on the site's list, or was seen there.

        Args:
            device: Its serial number as hexadecimal digits or Base64, or its address.
            site: The site's name.
            name: Its name. "" removes it. None leaves it.
            place: Its place, in the same way.
            occasion: Who, when, and why.
            expected: What it was called when the operator decided. None: whatever it was.

        Returns:
            The device as it is called now.

        Raises:
            Conflict: It is called something else meanwhile (``precondition.failed``).
            UsageError: A text is too long, or has a character that it must not have.
            NotFound: There is no such site, or it does not know the device.
        """
        identity = _identity(device)
        wanted = read_device_label(name or "", place or "")
        event = occasion.event(AuditAction.DEVICE_NAMED, site)
        label = self._store.label_device(
            identity,
            site,
            event,
            name=None if name is None else wanted.name,
            place=None if place is None else wanted.place,
            expected=expected,
        )
        return NamedDevice(identity, label)


def read_device_label(name: str, place: str) -> DeviceLabel:
    """Read a name and a place as they are stored; "" for none.

    Raises:
        UsageError: A text is too long, or has a character that it must not have.
    """
    return DeviceLabel(read_label(name, "name", LONGEST_NAME), read_label(place, "place", LONGEST_PLACE))


def _identity(device: str) -> str:
    return decode_serial(device) or device
