"""All devices of a site, longest silent first, as they stood at one moment.

That order changes with every call, so no key into it lasts. A command that prints all of it reads the order once, in a
few bytes for each device. Then it reads the devices, some at a time. It keeps no transaction open while somebody pages
through its output.
"""

from array import array
from collections.abc import Sequence

from sqlalchemy import Connection, select

from engage_server.records import DeviceHistory
from engage_server.store.database.batches import one_of
from engage_server.store.evidence.adoption_queries import never_seen, passes, with_row_and_grade
from engage_server.store.interface import DeviceFilter
from engage_server.store.interface.pages import SilentOrder
from engage_server.store.paging.device_pages import is_device_of
from engage_server.store.tables import device_histories, devices

_AT_ONCE = 10_000  # rows that a driver holds
_IN_ONE_QUERY = 400  # SQLite accepts only some thousand values

_device = device_histories.c


def select_order(connection: Connection, site: str, wanted: DeviceFilter) -> SilentOrder:
    """Return the order."""
    streamed = {"yield_per": _AT_ONCE}
    rows = select(_device.id).where(is_device_of(site), passes(wanted)).order_by(_device.last_seen, _device.identity)
    with connection.execute(rows.execution_options(**streamed)) as found:
        seen = array("q", found.scalars())
    if wanted.host:
        return SilentOrder(b"", seen)
    listed = never_seen(site).order_by(devices.c.serial)
    if wanted.trouble is not None:
        listed = listed.where(select(_device.id).where(_device.identity == devices.c.serial).exists())
    serials = bytearray()
    with connection.execute(listed.execution_options(**streamed)) as found:
        for serial in found.scalars():
            serials += bytes.fromhex(str(serial))
    return SilentOrder(bytes(serials), seen)


def select_rows(connection: Connection, rows: Sequence[int], release: int | None) -> list[DeviceHistory]:
    """Return the devices in these rows, in that order, without those that are gone."""
    found: dict[int, DeviceHistory] = {}
    for first in range(0, len(rows), _IN_ONE_QUERY):
        some = rows[first : first + _IN_ONE_QUERY]
        query = select(device_histories).where(one_of(connection, _device.id, list(some)))
        found.update(with_row_and_grade(connection, query, release))
    return [found[row] for row in rows if row in found]
