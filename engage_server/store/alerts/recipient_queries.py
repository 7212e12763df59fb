"""Where alerts go. In the caller's transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, select, update
from sqlalchemy.exc import IntegrityError

from engage_server.errors import Conflict, NotFound
from engage_server.records import AlertKind, ChannelKind, Recipient, Secret
from engage_server.store.alerts.tables import alert_marks, alert_outbox, alert_recipients
from engage_server.store.sealing import Sealer


def key_purpose(name: str) -> str:
    """What the secret of a recipient is sealed for."""
    return f"alert recipient {name}"


def insert_recipient(connection: Connection, recipient: Recipient, secret: Secret | None, sealer: Sealer) -> None:
    """Add one.

    Raises:
        Conflict: There is one of this name.
    """
    values = {
        "name": recipient.name,
        "channel": recipient.channel.value,
        "terms": dict(recipient.terms),
        "sites": None if recipient.sites is None else sorted(recipient.sites),
        "kinds": [each.value for each in recipient.kinds],
        "secret_sealed": None if secret is None else sealer.seal(secret, key_purpose(recipient.name)),
        "added_at": recipient.added_at,
        "off_since": recipient.off_since,
        "off_why": recipient.off_why,
    }
    try:
        with connection.begin_nested():
            connection.execute(alert_recipients.insert().values(values))
    except IntegrityError:
        raise Conflict(
            f"there is already a recipient '{recipient.name}'",
            "Give it another name, or remove the one that is there: engage alert remove NAME",
            code="alert.exists",
        ) from None


def delete_recipient(connection: Connection, name: str) -> None:
    """Remove one, and all that was meant for it.

    Raises:
        NotFound: There is none.
    """
    if not connection.execute(delete(alert_recipients).where(alert_recipients.c.name == name)).rowcount:
        raise _not_found(name)
    for table in (alert_outbox, alert_marks):
        connection.execute(delete(table).where(table.c.recipient == name))


def select_recipients(connection: Connection) -> list[Recipient]:
    """Return all, by name."""
    rows = connection.execute(select(alert_recipients).order_by(alert_recipients.c.name))
    return [_recipient(row) for row in rows]


def sealed_secret(connection: Connection, name: str) -> bytes | None:
    """Return the sealed secret of one; None if it has none.

    Raises:
        NotFound: There is no such recipient.
    """
    row = connection.execute(
        select(alert_recipients.c.secret_sealed).where(alert_recipients.c.name == name)
    ).one_or_none()
    if row is None:
        raise _not_found(name)
    return None if row.secret_sealed is None else bytes(row.secret_sealed)


def switch_off(connection: Connection, name: str, at: datetime, why: str) -> bool:
    """Switch one off. False if it is off already, or gone."""
    still_on = (alert_recipients.c.name == name) & alert_recipients.c.off_since.is_(None)
    done = connection.execute(update(alert_recipients).where(still_on).values(off_since=at, off_why=why))
    return bool(done.rowcount)


def switch_on(connection: Connection, name: str) -> bool:
    """Switch one on again. False if it is on already, or gone."""
    is_off = (alert_recipients.c.name == name) & alert_recipients.c.off_since.is_not(None)
    done = connection.execute(update(alert_recipients).where(is_off).values(off_since=None, off_why=""))
    return bool(done.rowcount)


def rename_site(connection: Connection, name: str, new: str) -> None:
    """Let alerts about a site go to the same recipients under its new name."""
    _replace(connection, name, {new})
    connection.execute(delete(alert_marks).where(_of_site(new)))
    connection.execute(update(alert_marks).where(_of_site(name)).values(about=new))


def remove_site(connection: Connection, name: str) -> None:
    """Forget a site that goes. A recipient that had only this one keeps none: it does not get all of them."""
    _replace(connection, name, set())
    connection.execute(delete(alert_marks).where(_of_site(name)))


def _of_site(name: str) -> ColumnElement[bool]:
    """The marks about a site. Those of one recipient are about time zones."""
    return and_(alert_marks.c.about == name, alert_marks.c.recipient == "")


def _replace(connection: Connection, name: str, by: set[str]) -> None:
    rows = connection.execute(select(alert_recipients.c.name, alert_recipients.c.sites).with_for_update()).all()
    for row in rows:
        if row.sites is not None and name in row.sites:
            sites = sorted(set(row.sites) - {name} | by)
            connection.execute(update(alert_recipients).where(alert_recipients.c.name == row.name).values(sites=sites))


def _not_found(name: str) -> NotFound:
    return NotFound(
        f"there is no recipient '{name}'", "See the ones that there are: engage alert list", code="alert.not_found"
    )


def _recipient(row: Row[Any]) -> Recipient:
    return Recipient(
        name=row.name,
        channel=ChannelKind(row.channel),
        terms=row.terms,
        sites=None if row.sites is None else tuple(row.sites),
        kinds=tuple(AlertKind(each) for each in row.kinds),
        added_at=row.added_at,
        off_since=row.off_since,
        off_why=row.off_why,
    )
