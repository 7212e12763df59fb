"""Who counts as a device of a site: kept in each row, so that no count looks it up for a million of them.

Two columns say it. ``device_histories.standing`` is what a row stands for. ``devices.is_unseen`` is 1 if a site has no
history of a device on its list. Code that adds or removes a row of either table calls :func:`refresh` in the same
transaction, or writes the columns itself. On PostgreSQL it first calls :func:`hold`: two of them at once could
otherwise each miss what the other one does.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum

from sqlalchemy import Connection, and_, case, or_, select, text, update

from engage_server.records import DeviceHistory
from engage_server.store.database.batches import chunks, one_of
from engage_server.store.interface import Place
from engage_server.store.tables import device_histories, devices, sites

HABIT_NIGHTS = 3  # nights by TLS from which on a device has a habit that it can miss
_ADVISORY_LOCK = 0x656E67616765  # for PostgreSQL: two hosts at once would overwrite each other's counts

_device = device_histories.c


class Standing(IntEnum):
    """What a row of ``device_histories`` stands for. Values are stored."""

    VISITOR = 0  # an address of several devices, or one that has no habit yet: no device
    DEVICE = 1  # a serial number, or an address with finished handshakes on three days
    LISTED = 2  # a device on its site's list


def hold(connection: Connection) -> None:
    """Let nobody else change evidence or lists until this transaction ends. Call it before the first row is changed.

    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})


def by_index(connection: Connection) -> None:
    """Let PostgreSQL read by index only, until this transaction ends. For batches, which need few rows of each table.

    Its planner thinks that a table of 50,000 rows is read whole as cheaply as 400 rows of it by index. In memory it is
    not: each batch would take as long as the table is large.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL enable_seqscan = off"))


def standing_of(history: DeviceHistory, *, is_listed: bool) -> Standing:
    """What a row with this history stands for."""
    if history.is_shared_address:
        return Standing.VISITOR
    if is_listed:
        return Standing.LISTED
    is_address = "." in history.identity or ":" in history.identity  # a serial number has neither
    return Standing.VISITOR if is_address and history.tls_nights < HABIT_NIGHTS else Standing.DEVICE


def select_listed(connection: Connection, places: Iterable[Place]) -> set[Place]:
    """Return those of these places whose identity is on the list of the site."""
    wanted = set(places)
    query = select(sites.c.name, devices.c.serial).join(sites, sites.c.id == devices.c.site_id)
    found: set[Place] = set()
    for some in chunks((identity for _, identity in wanted), connection):
        rows = connection.execute(query.where(one_of(connection, devices.c.serial, some)))
        found.update(wanted.intersection((site, serial) for site, serial in rows))
    return found


def note_seen(connection: Connection, serials: Iterable[str]) -> None:
    """Record that their site has a history of these devices on its list."""
    for some in chunks(serials):
        connection.execute(update(devices).where(one_of(connection, devices.c.serial, some)).values(is_unseen=0))


def refresh(connection: Connection, identities: Sequence[str]) -> None:
    """Set both columns again for these identities, in all sites, from what the tables hold now."""
    listed = select(devices.c.serial).join(sites, sites.c.id == devices.c.site_id)
    listed = listed.where(devices.c.serial == _device.identity, sites.c.name == _device.site)
    is_address = or_(_device.identity.like("%.%"), _device.identity.like("%:%"))
    standing = case(
        (_device.is_shared_address != 0, Standing.VISITOR.value),
        (listed.correlate(device_histories).exists(), Standing.LISTED.value),
        (and_(is_address, _device.tls_nights < HABIT_NIGHTS), Standing.VISITOR.value),
        else_=Standing.DEVICE.value,
    )
    seen = select(_device.id).join(sites, sites.c.name == _device.site)
    seen = seen.where(_device.identity == devices.c.serial, sites.c.id == devices.c.site_id).correlate(devices)
    for some in chunks(identities):
        of_some = one_of(connection, _device.identity, some)
        connection.execute(update(device_histories).where(of_some).values(standing=standing))
        listed_some = one_of(connection, devices.c.serial, some)
        connection.execute(update(devices).where(listed_some).values(is_unseen=case((seen.exists(), 0), else_=1)))
