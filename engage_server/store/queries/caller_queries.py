"""Which serial numbers called from which address recently. In the caller's transaction.

The only question ever asked is whether exactly one did, and which. So an address stores only a handful of them, however
many devices are behind it. What a batch reads and writes grows with the batch, not with the site.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select

from engage_server.records import Sighting
from engage_server.store.database.batches import chunks, one_of, upsert
from engage_server.store.interface import Place
from engage_server.store.tables import device_addresses

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
    upsert(connection, device_addresses, [*_KEY, "seen_at"], _KEY, rows)
    return {place: tuple(serials) for place, serials in kept.items()}


def forget_caller(connection: Connection, site: str | None, serial: str) -> None:
    """Forget from which addresses a serial number called, in all sites or in one."""
    statement = delete(device_addresses).where(device_addresses.c.serial == serial)
    connection.execute(statement if site is None else statement.where(device_addresses.c.site == site))


def _select_callers(connection: Connection, wanted: dict[Place, dict[str, datetime]]) -> dict[Place, list[str]]:
    kept: dict[Place, list[str]] = {}
    columns = device_addresses.c
    for some in chunks(address for _, address in wanted):
        query = select(columns.site, columns.address, columns.serial).where(one_of(connection, columns.address, some))
        for row in connection.execute(query):
            if (row.site, row.address) in wanted:
                kept.setdefault((row.site, row.address), []).append(row.serial)
    return kept
