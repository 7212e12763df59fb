"""What waits to be sent. In the caller's transaction. All times are the database's.

Each change of a row names the version that its writer knows, and raises it: of two writers, one changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, select, update

from engage_server.records import AlertKind, AlertMessage, ChannelKind, OutboxEntry, OutboxFigures, OutboxState
from engage_server.store.alerts.tables import alert_outbox, alert_recipients
from engage_server.store.database.dialects import insert_into
from engage_server.store.queries.worker_queries import database_now

_HELD = (OutboxState.CLAIMED.value, OutboxState.HANDED_OVER.value)
_OPEN = (OutboxState.WAITING.value, *_HELD)
_NOT_REPEATED = tuple(each.value for each in ChannelKind if not each.may_repeat)
UNSURE = "the sender ended while it handed this over: it may have arrived, and is not sent again"


def insert_entries(connection: Connection, entries: Sequence[OutboxEntry]) -> None:
    """Add those whose recipients are there and on, and that are not there yet."""
    if not entries:
        return
    on = set(connection.scalars(select(alert_recipients.c.name).where(alert_recipients.c.off_since.is_(None))))
    now = database_now(connection)
    rows = [_row(each, now) for each in entries if each.recipient in on]
    if rows:
        insert = insert_into(connection.dialect.name, alert_outbox)
        keys = ["recipient", "kind", "site", "period"]
        connection.execute(insert.values(rows).on_conflict_do_nothing(index_elements=keys))


def has_due(connection: Connection) -> bool:
    """Whether there is anything to claim."""
    due = select(alert_outbox.c.id).where(_is_due(database_now(connection))).limit(1)
    return connection.scalar(due) is not None


def select_due_recipients(connection: Connection) -> list[str]:
    """Return who has something to claim, by the oldest of it."""
    due = select(alert_outbox.c.recipient).where(_is_due(database_now(connection)))
    oldest = func.min(alert_outbox.c.due_at)
    return list(connection.scalars(due.group_by(alert_outbox.c.recipient).order_by(oldest, alert_outbox.c.recipient)))


def claim(
    connection: Connection, holder: str, seconds: float, limit: int, recipient: str | None = None
) -> list[OutboxEntry]:
    """Claim what is due, oldest first."""
    now = database_now(connection)
    _end_unsure(connection, now)
    oldest = select(alert_outbox).where(_is_due(now)).order_by(alert_outbox.c.due_at, alert_outbox.c.id).limit(limit)
    if recipient is not None:
        oldest = oldest.where(alert_outbox.c.recipient == recipient)
    claimed = []
    for row in connection.execute(oldest).all():
        values = {
            "state": OutboxState.CLAIMED.value,
            "version": row.version + 1,
            "attempts": row.attempts + 1,
            "holder": holder,
            "held_until": now + timedelta(seconds=seconds),
        }
        if connection.execute(update(alert_outbox).where(_same(row)).values(values)).rowcount:
            claimed.append(row.id)
    mine = select(alert_outbox).where(alert_outbox.c.id.in_(claimed)).order_by(alert_outbox.c.due_at)
    return [_entry(row) for row in connection.execute(mine)]


def hand_over(connection: Connection, entry: OutboxEntry, seconds: float) -> bool:
    """Record that it may arrive from now on."""
    values = {
        "state": OutboxState.HANDED_OVER.value,
        "version": entry.version + 1,
        "held_until": database_now(connection) + timedelta(seconds=seconds),
    }
    is_mine = _same(entry) & (alert_outbox.c.state == OutboxState.CLAIMED.value)
    return bool(connection.execute(update(alert_outbox).where(is_mine).values(values)).rowcount)


def end(connection: Connection, entry: OutboxEntry, pause: float) -> bool:
    """Store how an attempt ended."""
    now = database_now(connection)
    is_over = entry.state is not OutboxState.WAITING
    values = {
        "state": entry.state.value,
        "version": entry.version + 1,
        "due_at": now + timedelta(seconds=pause),
        "held_until": None,
        "holder": "",
        "ended_at": now if is_over else None,
        "trouble": entry.trouble,
    }
    is_mine = _same(entry) & alert_outbox.c.state.in_(_HELD)
    return bool(connection.execute(update(alert_outbox).where(is_mine).values(values)).rowcount)


def give_up(connection: Connection, recipient: str, why: str) -> None:
    """Give up everything that waits for a recipient."""
    waiting = (alert_outbox.c.recipient == recipient) & alert_outbox.c.state.in_(_OPEN)
    values = {"state": OutboxState.GIVEN_UP.value, "ended_at": database_now(connection), "trouble": why}
    connection.execute(update(alert_outbox).where(waiting).values(version=alert_outbox.c.version + 1, **values))


def select_entries(connection: Connection, limit: int, *, only_waiting: bool) -> list[OutboxEntry]:
    """Return the newest ones, newest first."""
    query = select(alert_outbox).order_by(alert_outbox.c.made_at.desc(), alert_outbox.c.id).limit(limit)
    if only_waiting:
        query = query.where(alert_outbox.c.state.in_(_OPEN))
    return [_entry(row) for row in connection.execute(query)]


def select_figures(connection: Connection) -> OutboxFigures:
    """Count them by their states."""
    rows = connection.execute(select(alert_outbox.c.state, func.count()).group_by(alert_outbox.c.state)).all()
    oldest = connection.scalar(
        select(alert_outbox.c.made_at).where(alert_outbox.c.state.in_(_OPEN)).order_by(alert_outbox.c.made_at).limit(1)
    )
    seconds = None if oldest is None else max(0.0, (database_now(connection) - oldest).total_seconds())
    return OutboxFigures({OutboxState(state): count for state, count in rows}, seconds)


def delete_old(connection: Connection, before: datetime) -> int:
    """Remove those that ended before this time. Return how many."""
    return connection.execute(delete(alert_outbox).where(alert_outbox.c.ended_at < before)).rowcount


def rename_site(connection: Connection, name: str, new: str) -> None:
    """Let what was said about a site count for it under its new name, unless a site had that one before."""
    taken = select(alert_outbox.c.period).where(alert_outbox.c.site == new)
    is_free = (alert_outbox.c.site == name) & alert_outbox.c.period.not_in(taken)
    connection.execute(update(alert_outbox).where(is_free).values(site=new))


def _end_unsure(connection: Connection, now: datetime) -> None:
    channels = select(alert_recipients.c.name).where(alert_recipients.c.channel.in_(_NOT_REPEATED))
    is_unsure = (
        (alert_outbox.c.state == OutboxState.HANDED_OVER.value)
        & (alert_outbox.c.held_until < now)
        & alert_outbox.c.recipient.in_(channels)
    )
    values = {"state": OutboxState.UNSURE.value, "ended_at": now, "trouble": UNSURE}
    connection.execute(update(alert_outbox).where(is_unsure).values(version=alert_outbox.c.version + 1, **values))


def _is_due(now: datetime) -> ColumnElement[bool]:
    waits = (alert_outbox.c.state == OutboxState.WAITING.value) & (alert_outbox.c.due_at <= now)
    return waits | (alert_outbox.c.state.in_(_HELD) & (alert_outbox.c.held_until < now))


def _same(row: Any) -> ColumnElement[bool]:
    return and_(alert_outbox.c.id == row.id, alert_outbox.c.version == row.version)


def _row(entry: OutboxEntry, now: datetime) -> dict[str, object]:
    message = entry.message
    return {
        "id": entry.id,
        "recipient": entry.recipient,
        "kind": message.kind.value,
        "site": entry.site,
        "period": entry.period,
        "message": {
            "subject": message.subject,
            "text": message.text,
            "html": message.html,
            "facts": dict(message.facts),
        },
        "state": OutboxState.WAITING.value,
        "version": 1,
        "attempts": 0,
        "due_at": now,
        "made_at": now,
    }


def _entry(row: Row[Any]) -> OutboxEntry:
    return OutboxEntry(
        id=row.id,
        recipient=row.recipient,
        site=row.site,
        period=row.period,
        message=AlertMessage(AlertKind(row.kind), **row.message),
        state=OutboxState(row.state),
        version=row.version,
        attempts=row.attempts,
        due_at=row.due_at,
        made_at=row.made_at,
        ended_at=row.ended_at,
        trouble=row.trouble,
    )
