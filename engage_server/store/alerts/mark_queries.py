"""What all nodes remember of what was said. In the caller's transaction."""

from sqlalchemy import Connection, delete, select, update

from engage_server.records import AlertMark
from engage_server.store.alerts.tables import alert_marks
from engage_server.store.database.dialects import insert_into

_KEY = ["topic", "about", "recipient"]


def select_marks(connection: Connection) -> list[AlertMark]:
    """Return all of them, in the order of their keys."""
    rows = connection.execute(select(alert_marks).order_by(*(alert_marks.c[name] for name in _KEY)))
    return [AlertMark(row.topic, row.about, row.recipient, row.value, row.version) for row in rows]


def exchange(connection: Connection, mark: AlertMark) -> bool:
    """Change one from the version that it names. False if it has another version now."""
    if not mark.version:
        if mark.value is None:
            return True
        values = {**_key(mark), "value": dict(mark.value), "version": 1}
        insert = insert_into(connection.dialect.name, alert_marks).values(values)
        added = insert.on_conflict_do_nothing(index_elements=_KEY).returning(alert_marks.c.version)
        return connection.scalar(added) is not None
    is_same = alert_marks.c.version == mark.version
    for name, value in _key(mark).items():
        is_same &= alert_marks.c[name] == value
    if mark.value is None:
        return bool(connection.execute(delete(alert_marks).where(is_same)).rowcount)
    values = {"value": dict(mark.value), "version": mark.version + 1}
    return bool(connection.execute(update(alert_marks).where(is_same).values(values)).rowcount)


def _key(mark: AlertMark) -> dict[str, str]:
    return {"topic": mark.topic, "about": mark.about, "recipient": mark.recipient}
