"""Which key-encryption keys are accepted, who holds which, and their change. In the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, delete, select, update

from engage_server.errors import Conflict, NotFound, SealBroken
from engage_server.records import AcceptedKey, KeyHolder, KeyRotation, Secret
from engage_server.store.database.dialects import insert_into
from engage_server.store.interface.keys import WrappingKey
from engage_server.store.keys.key_encryption_key import not_accepted
from engage_server.store.keys.tables import key_holders, key_rotations, key_wraps
from engage_server.store.queries.worker_queries import database_now
from engage_server.store.sealing import Sealer

ALIVE_WITHIN = timedelta(seconds=20)  # a holder reports every 5 s


def insert_wrap(connection: Connection, key_id: str, wrapped: bytes, at: datetime) -> None:
    """Accept a key-encryption key."""
    connection.execute(key_wraps.insert().values(key_id=key_id, wrapped=wrapped, added_at=at))


def has_wraps(connection: Connection) -> bool:
    """Whether there is an installation key."""
    return connection.scalar(select(key_wraps.c.key_id).limit(1)) is not None


def unwrapped(connection: Connection, key: WrappingKey) -> Secret:
    """Open the installation key.

    Raises:
        SealBroken: The key is not accepted, or what it wrapped was changed.
    """
    wrapped = connection.scalar(select(key_wraps.c.wrapped).where(key_wraps.c.key_id == key.key_id))
    if wrapped is None:
        raise not_accepted(key.key_id)
    return key.unwrap(wrapped)


def select_accepted(connection: Connection) -> list[AcceptedKey]:
    """Return the accepted keys, oldest first."""
    columns = select(key_wraps.c.key_id, key_wraps.c.added_at).order_by(key_wraps.c.added_at, key_wraps.c.key_id)
    return [AcceptedKey(row.key_id, row.added_at) for row in connection.execute(columns)]


def delete_other_wraps(connection: Connection, key_id: str) -> None:
    """Accept one key alone."""
    connection.execute(delete(key_wraps).where(key_wraps.c.key_id != key_id))


def select_rotation(connection: Connection) -> KeyRotation | None:
    """Return the change that is not over. None if there is none."""
    row = connection.execute(select(key_rotations)).first()
    return KeyRotation(row.old, row.new, row.begun_at, row.begun_by, row.is_decided) if row else None


def insert_rotation(connection: Connection, rotation: KeyRotation) -> None:
    """Begin a change.

    Raises:
        Conflict: Another one is not over, or the new key is accepted already.
    """
    if select_rotation(connection) is not None:
        raise Conflict(
            "another 'engage key rotate' has begun meanwhile", "See: engage key rotate --status", code="key.rotating"
        )
    if connection.scalar(select(key_wraps.c.key_id).where(key_wraps.c.key_id == rotation.new)) is not None:
        raise Conflict(
            f"the key of id {rotation.new} is the one in force", "Give another one, or none.", code="key.in_force"
        )
    values = {"old": rotation.old, "new": rotation.new, "begun_at": rotation.begun_at, "begun_by": rotation.begun_by}
    connection.execute(key_rotations.insert().values(id=1, **values))


def decide(connection: Connection) -> None:
    """Record that the old key is not accepted any more."""
    connection.execute(update(key_rotations).values(is_decided=True))


def delete_rotation(connection: Connection) -> None:
    """End a change that was decided. One that was not stays."""
    connection.execute(delete(key_rotations).where(key_rotations.c.is_decided))


def upsert_holder(connection: Connection, holder: KeyHolder, *, is_new: bool) -> None:
    """Record what a holder reports, at the database's time.

    Args:
        connection: The connection.
        holder: What it reports.
        is_new: Whether it has read its source just now. Otherwise only that it is alive is new.
    """
    now = database_now(connection)
    values = {"key_id": holder.key_id, "source": holder.source, "trouble": holder.trouble, "seen_at": now}
    if is_new:
        values["read_at"] = now
    insert = insert_into(connection.dialect.name, key_holders)
    row = insert.values(host=holder.host, place=holder.place, **{"read_at": now, **values})
    connection.execute(row.on_conflict_do_update(index_elements=["host", "place"], set_=values))


def select_holders(connection: Connection) -> list[KeyHolder]:
    """Return all holders, by host."""
    since = database_now(connection) - ALIVE_WITHIN
    rows = connection.execute(select(key_holders).order_by(key_holders.c.host, key_holders.c.place)).all()
    return [_holder(row, since) for row in rows]


def _holder(row: Row[tuple[object, ...]], since: datetime) -> KeyHolder:
    values = (row.host, row.place, row.key_id, row.source, row.trouble)
    return KeyHolder(*values, read_at=row.read_at, is_alive=row.seen_at >= since)


def delete_holders(connection: Connection, hosts: Sequence[str]) -> None:
    """Remove the holders of hosts that are gone.

    Raises:
        NotFound: No holder of such a host is known.
    """
    for host in hosts:
        if not connection.execute(delete(key_holders).where(key_holders.c.host == host)).rowcount:
            what = f"no host {host!r} holds the key-encryption key"
            raise NotFound(what, "See: engage key rotate --status", code="host.not_found")


def forget_host(connection: Connection, host: str) -> None:
    """Remove the holders of a host that is gone, if there are any."""
    connection.execute(delete(key_holders).where(key_holders.c.host == host))


def delete_holder(connection: Connection, host: str, place: str) -> None:
    """Remove one holder, if there is such a one."""
    connection.execute(delete(key_holders).where(key_holders.c.host == host, key_holders.c.place == place))


def assert_opens(connection: Connection, key: WrappingKey, sealer: Sealer) -> None:
    """Refuse a key that does not open the installation key.

    Raises:
        SealBroken: It does not.
    """
    if not sealer.is_of(unwrapped(connection, key)):
        raise SealBroken(
            f"the key of id {key.key_id} opens another installation key", "Restore the database from a backup."
        )
