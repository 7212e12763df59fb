"""Which serial numbers called from which address recently. In the caller's transaction.

The only question ever asked is whether exactly one did, and which. So an address stores only a handful of them, however
many devices are behind it. What a batch reads and writes grows with the batch, not with the site.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, distinct, func, literal, literal_column, select, union

from engage_server.records import Sighting
from engage_server.store.database.batches import chunks, one_of, upsert
from engage_server.store.interface import Place
from engage_server.store.tables import EpochSeconds, device_addresses, device_histories, devices, sites

# Two would show that an address is shared. A few more keep it so when one of them is gone: each is forgotten a month
# after its last call. Migration 0005 removed the rest.
MOST_KEPT = 8
_KEY = "address", "site", "serial"


def note_callers(connection: Connection, found: Sequence[Sighting]) -> dict[Place, tuple[str, ...]]:
    """Record which serial numbers called from which addresses. Return those stored for all addresses of the batch."""
    latest: dict[Place, dict[str, datetime]] = {}
    for sighting in found:
        callers = latest.setdefault((sighting.site or "", sighting.address), {})
        if sighting.serial is not None:
            callers[sighting.serial] = sighting.at
    kept = _select_callers(connection, latest)
    rows = []
    for (site, address), callers in latest.items():
        there = kept.setdefault((site, address), [])
        for serial, at in callers.items():
            if serial not in there:
                if len(there) >= MOST_KEPT:
                    continue
                there.append(serial)
            rows.append((address, site, serial, at))
    upsert(connection, device_addresses, [*_KEY, "seen_at"], _KEY, sorted(rows))
    return {place: tuple(serials) for place, serials in kept.items()}


def forget_caller(connection: Connection, site: str | None, serial: str) -> None:
    """Forget from which addresses a serial number called, in all sites or in one."""
    statement = delete(device_addresses).where(device_addresses.c.serial == serial)
    connection.execute(statement if site is None else statement.where(device_addresses.c.site == site))


def select_only_address(connection: Connection, site: str, since: datetime) -> tuple[str, int] | None:
    """Return the one address from which devices of a site called since then, and how many of them are stored.

    Of many devices at an address only a few are stored. None: from several addresses.
    ``("", 0)``: nobody called.
    """
    called = device_addresses.c
    at = literal(since, EpochSeconds)
    query = select(func.min(called.address), func.max(called.address), func.count(distinct(called.serial)))
    first, last, count = connection.execute(query.where(called.site == site, called.seen_at >= at)).one()
    return (str(first or ""), int(count)) if first == last else None


def select_shared(connection: Connection, site: str, addresses: Collection[str]) -> set[str]:
    """Return those of these addresses where several devices of a site are at home, or which several called from."""
    known, called = device_histories.c, device_addresses.c
    found: set[str] = set()
    for some in chunks(addresses):
        at_home = select(known.home.label("address"), known.identity.label("caller")).where(
            known.site == site, known.is_shared_address == 0, known.identity != known.home
        )
        callers = select(called.address, called.serial).where(called.site == site)
        every = union(
            at_home.where(one_of(connection, known.home, some)), callers.where(one_of(connection, called.address, some))
        ).subquery()
        query = select(every.c.address).group_by(every.c.address).having(func.count() > 1)
        found.update(connection.scalars(query))
    return found


def select_answered_elsewhere(
    connection: Connection, site: str, limit: int | None, among: Collection[str] | None = None
) -> dict[str, str]:
    """Return the serial numbers on a site's list that it never saw and another site did, with that other site.

    Args:
        connection: In a transaction.
        site: The site's name.
        limit: The largest number of them. None for all.
        among: Only these. None for all.
    """
    known = device_histories.c
    query = (
        select(devices.c.serial, func.min(known.site))
        .join(sites, sites.c.id == devices.c.site_id)
        .join(device_histories, known.identity == devices.c.serial)
        .where(sites.c.name == site, devices.c.is_unseen == literal_column("1"))
        .group_by(devices.c.serial)
        .order_by(devices.c.serial)
    )
    if among is None:
        return {row[0]: row[1] for row in connection.execute(query.limit(limit))}
    found: dict[str, str] = {}
    for some in chunks(among):
        rows = connection.execute(query.where(one_of(connection, devices.c.serial, some)))
        found.update({row[0]: row[1] for row in rows})
    return found


def select_listed_unseen(connection: Connection, serial: str) -> str | None:
    """Return the site that lists a serial number and never saw it."""
    query = select(sites.c.name).join(devices, devices.c.site_id == sites.c.id).where(devices.c.serial == serial)
    return connection.scalar(query.where(devices.c.is_unseen == 1))


def _select_callers(connection: Connection, wanted: dict[Place, dict[str, datetime]]) -> dict[Place, list[str]]:
    kept: dict[Place, list[str]] = {}
    columns = device_addresses.c
    for some in chunks((address for _, address in wanted), connection):
        query = select(columns.site, columns.address, columns.serial).where(one_of(connection, columns.address, some))
        for site, address, serial in connection.execute(query).all():
            if (site, address) in wanted:
                kept.setdefault((site, address), []).append(serial)
    return kept
