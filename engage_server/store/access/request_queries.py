"""Requests of other systems: what they have seen, and those that may be sent again. In the caller's transaction."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import IntegrityError

from engage_server.errors import Conflict
from engage_server.records import CHANGES_OF_SITE, AuditEvent, KeyedRequest
from engage_server.store.access.tables import keyed_requests
from engage_server.store.tables import audit_events, installation

KEPT = timedelta(hours=24)
_CHANGES = [each.value for each in CHANGES_OF_SITE]


def select_version(connection: Connection, site: str) -> int:
    """Return the number of the newest entry that changed the site. 0 if there is none."""
    entry = audit_events.c
    newest = select(entry.id).where(entry.site == site, entry.action.in_(_CHANGES)).order_by(entry.id.desc()).limit(1)
    return connection.scalar(newest) or 0


def assert_terms(connection: Connection, event: AuditEvent) -> None:
    """Refuse an act on what its caller has not seen. Until the transaction ends, nobody else writes an entry.

    Raises:
        Conflict: The site has changed since then (``precondition.failed``).
    """
    if event.terms is None or event.terms.seen is None:
        return
    hold_log(connection)
    if select_version(connection, event.site) != event.terms.seen:
        raise changed_since(event.site)


def hold_log(connection: Connection) -> None:
    """Until the transaction ends, let nobody else write an entry of the audit log: so nobody else changes anything."""
    connection.execute(select(installation.c.audit_entries).with_for_update())


def changed_since(site: str) -> Conflict:
    """The refusal of an act on what its caller has not seen."""
    return Conflict(
        f"site '{site}' has changed since you read it, so nothing was done",
        "Read it again. If the act is still right, send it with the new ETag.",
        code="precondition.failed",
    )


def insert_request(connection: Connection, request: KeyedRequest, entry: int, at: datetime) -> None:
    """Keep a request with the entry of what it did. Requests older than a day are forgotten.

    Raises:
        Conflict: The same request was kept meanwhile (``idempotency.done``).
    """
    connection.execute(delete(keyed_requests).where(keyed_requests.c.at < at - KEPT))
    values = {"digest": request.digest, "body": request.body, "entry": entry, "at": at}
    try:
        with connection.begin_nested():
            connection.execute(keyed_requests.insert().values(values))
    except IntegrityError:
        raise Conflict(
            "the same request was carried out meanwhile", "Send it again: you get its answer.", code="idempotency.done"
        ) from None


def select_request(connection: Connection, digest: str, now: datetime) -> tuple[str, int] | None:
    """Return the digest of the body, and the entry, of a request of the last day."""
    kept = select(keyed_requests.c.body, keyed_requests.c.entry).where(
        keyed_requests.c.digest == digest, keyed_requests.c.at >= now - KEPT
    )
    row = connection.execute(kept).first()
    return (row.body, row.entry) if row else None
