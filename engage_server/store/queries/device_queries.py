"""Devices by serial number, and the certificates of the vendor's sample. In the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from engage_server.errors import Conflict
from engage_server.records import VIRTUAL_LOCK, Device, SightingKind, StaticCertificate
from engage_server.store.queries.site_queries import site_id
from engage_server.store.tables import devices, sightings, sites, static_certificates


def insert_device(connection: Connection, device: Device) -> bool:
    """Add a device. False if it exists already, in the same site.

    Raises:
        NotFound: There is no such site.
        Conflict: It belongs to another site.
    """
    row_id = site_id(connection, device.site)
    owner = select_owner(connection, device.serial)
    if owner is not None and owner != device.site:
        raise Conflict(
            f"device {device.serial} belongs to site {owner!r}",
            "A device has the key of one site. If it was commissioned again, remove it from the other site first: "
            f"engage device remove {device.serial} --site {owner}",
            code="device.conflict",
            other_site=owner,
        )
    if owner is None:
        connection.execute(devices.insert().values(serial=device.serial, site_id=row_id, added_at=device.added_at))
    return owner is None


def select_owner(connection: Connection, serial: str) -> str | None:
    """Return the site on whose list a serial number is."""
    query = select(sites.c.name).join(devices, devices.c.site_id == sites.c.id)
    return connection.scalar(query.where(devices.c.serial == serial))


def select_serials(connection: Connection, site: str) -> list[str]:
    """Return the serial numbers of one site, in no order."""
    return list(connection.scalars(select(devices.c.serial).where(devices.c.site_id == site_id(connection, site))))


def select_versions(connection: Connection) -> dict[str, str]:
    """Return, for each site with devices, a text that changes when a device is added or removed."""
    query = (
        select(sites.c.name, func.count(), func.max(devices.c.added_at))
        .join(sites, sites.c.id == devices.c.site_id)
        .group_by(sites.c.name)
    )
    return {name: f"{count} {newest}" for name, count, newest in connection.execute(query)}


def select_callers_to_add(connection: Connection, site: str, since: datetime) -> list[str]:
    """Return the serial numbers that called in since then and are on no site's list."""
    called = sightings.c
    known = select(devices.c.serial).where(devices.c.serial == called.serial)
    query = (
        select(called.serial)
        .where(called.at >= since, called.kind == SightingKind.CALL_IN.value, called.site == site, ~known.exists())
        .where(called.disregarded != VIRTUAL_LOCK)
        .distinct()
        .order_by(called.serial)
    )
    return [serial for serial in connection.scalars(query) if serial is not None]


def select_static_certificates(connection: Connection) -> list[StaticCertificate]:
    """Return the static certificates of all sites."""
    query = (
        select(sites.c.name, static_certificates.c.name, static_certificates.c.der)
        .join(sites, sites.c.id == static_certificates.c.site_id)
        .order_by(sites.c.name, static_certificates.c.name)
    )
    return [StaticCertificate(site, name, bytes(der)) for site, name, der in connection.execute(query)]


def replace_static_certificates(connection: Connection, site: str, given: Sequence[StaticCertificate]) -> None:
    """Set the certificates of these names. Other names stay as they are.

    Raises:
        NotFound: There is no such site.
    """
    row_id = site_id(connection, site)
    columns = static_certificates.c
    for each in given:
        connection.execute(static_certificates.delete().where(columns.site_id == row_id, columns.name == each.name))
        connection.execute(static_certificates.insert().values(site_id=row_id, name=each.name, der=each.der))
