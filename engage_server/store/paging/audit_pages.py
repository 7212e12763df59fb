"""Pages of the audit log, by number."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from engage_server.records import AuditEntry, AuditFilter, Page
from engage_server.store.audit_log import entry_of
from engage_server.store.paging.cursors import Question, cursor_of, key_of
from engage_server.store.tables import audit_events

MOST_EXAMINED = 5000  # entries that a page looks at, if no index answers its whole question

_entry = audit_events.c


def select_page(
    connection: Connection, wanted: AuditFilter, cursor: str | None, limit: int, *, oldest_first: bool
) -> Page[AuditEntry]:
    """Return one page.

    Raises:
        UsageError: The cursor is of another question.
    """
    question = _question(wanted, oldest_first=oldest_first)
    key = key_of(question, cursor)
    indexed, rest = _conditions(wanted)
    most = max(limit + 1, MOST_EXAMINED) if rest else limit + 1
    window = _window(wanted, indexed, int(key[0]) if key else None, most, oldest_first=oldest_first)
    query = window.with_only_columns(*_entry)
    if rest:
        in_order = _entry.id if oldest_first else _entry.id.desc()
        query = select(audit_events).where(_entry.id.in_(window), *rest).order_by(in_order).limit(limit + 1)
    found = [entry_of(row) for row in connection.execute(query)]
    if len(found) > limit:
        return Page(found[:limit], cursor_of(question, (found[limit - 1].number,)))
    last = _end(connection, window.subquery().c.id, most, oldest_first=oldest_first) if rest else None
    return Page(found, None if last is None else cursor_of(question, (last,)))


def _question(wanted: AuditFilter, *, oldest_first: bool) -> Question:
    def told(value: object) -> str:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    parts = (wanted.site, wanted.actor, wanted.since, wanted.until, wanted.before, oldest_first)
    # which site is meant by None and by "None" must not be the same
    kinds = tuple(type(part).__name__ for part in parts)
    return Question("audit log", (*kinds, *map(told, parts), *sorted(wanted.actions)), (int,))


def _conditions(wanted: AuditFilter) -> tuple[Sequence[ColumnElement[bool]], Sequence[ColumnElement[bool]]]:
    """Return the condition that an index answers in the order of the log, and those that each entry is looked at for.

    A site has the fewest entries, then an action.
    """
    equal: list[ColumnElement[bool]] = []
    if wanted.site is not None:
        equal.append(_entry.site == wanted.site)
    if len(wanted.actions) == 1:
        equal.append(_entry.action == wanted.actions[0].value)
    if wanted.actor is not None:
        equal.append(_entry.actor == wanted.actor)
    rest = equal[1:]
    if len(wanted.actions) > 1:
        rest.append(_entry.action.in_([each.value for each in wanted.actions]))
    if wanted.since is not None:
        rest.append(_entry.at >= wanted.since)
    if wanted.until is not None:
        rest.append(_entry.at < wanted.until)
    return equal[:1], rest


def _window(
    wanted: AuditFilter, indexed: Sequence[ColumnElement[bool]], key: int | None, most: int, *, oldest_first: bool
) -> Select[Any]:
    """Select the numbers that a page looks at."""
    query = select(_entry.id).where(*indexed)
    if wanted.before is not None:
        query = query.where(_entry.id < wanted.before)
    if key is not None:
        query = query.where(_entry.id > key if oldest_first else _entry.id < key)
    return query.order_by(_entry.id if oldest_first else _entry.id.desc()).limit(most)


def _end(connection: Connection, number: ColumnElement[int], most: int, *, oldest_first: bool) -> int | None:
    """Return the last number that the page looked at. None if it looked at all that there are."""
    last = func.max(number) if oldest_first else func.min(number)
    count, end = connection.execute(select(func.count(), last)).one()
    return None if count < most else int(end)
