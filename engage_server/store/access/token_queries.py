"""Tokens of other systems, and failed attempts to sign in. In the caller's transaction."""

from datetime import datetime

from sqlalchemy import Connection, Row, case, delete, select, update
from sqlalchemy.exc import IntegrityError

from engage_server.errors import Conflict, NotFound, Refused
from engage_server.records import AccessToken, Grant, PersonState, Role
from engage_server.store.access.tables import access_tokens, attempts, people
from engage_server.store.database.dialects import insert_into


def insert_token(connection: Connection, token: AccessToken) -> None:
    """Add a token.

    Raises:
        Conflict: The name is taken.
        Refused: The person who makes it may no longer do what it may (``access.role``).
    """
    if token.person:
        _assert_maker(connection, token)
    sites = token.grant.sites
    values = {
        "number": token.number,
        "name": token.name,
        "maker": token.maker,
        "role": token.grant.role.value,
        "sites": None if sites is None else sorted(sites),
        "digest": token.digest,
        "created_at": token.created_at,
        "ends_at": token.ends_at,
        "person": token.person or None,
    }
    try:
        with connection.begin_nested():
            connection.execute(access_tokens.insert().values(values))
    except IntegrityError:
        raise Conflict(
            f"there is already a token '{token.name}'",
            "Give it another name. A revoked token keeps its name, because the audit log has it.",
            code="token.exists",
        ) from None


def select_tokens(connection: Connection, number: str | None = None) -> list[AccessToken]:
    """Return all tokens, by name, or the one with a number."""
    query = select(access_tokens).order_by(access_tokens.c.name)
    if number is not None:
        query = query.where(access_tokens.c.number == number)
    return [_token(row) for row in connection.execute(query)]


def revoke_token(connection: Connection, name: str, at: datetime) -> None:
    """Revoke a token.

    Raises:
        NotFound: There is no such token.
        Conflict: It is revoked already.
    """
    named = access_tokens.c.name == name
    changed = connection.execute(
        update(access_tokens).where(named & access_tokens.c.revoked_at.is_(None)).values(revoked_at=at)
    )
    if changed.rowcount:
        return
    if connection.scalar(select(access_tokens.c.number).where(named)) is None:
        raise NotFound(f"there is no token '{name}'", "List them: engage token list", code="token.not_found")
    raise Conflict(f"the token '{name}' is revoked already", "Nothing to do.", code="token.revoked")


def revoke_beyond(connection: Connection, person: str, grant: Grant | None, at: datetime) -> list[str]:
    """Revoke the tokens of a person that may do more than the person. Return their names.

    Args:
        connection: The transaction that changes the person.
        person: Who made them.
        grant: What the person may do from now on. None: nothing.
        at: When.
    """
    mine = select(access_tokens).where(access_tokens.c.person == person, access_tokens.c.revoked_at.is_(None))
    made = [_token(row) for row in connection.execute(mine.order_by(access_tokens.c.name))]
    beyond = [each.name for each in made if grant is None or not grant.includes(each.grant)]
    connection.execute(update(access_tokens).where(access_tokens.c.name.in_(beyond)).values(revoked_at=at))
    return beyond


def update_used(connection: Connection, number: str, at: datetime) -> None:
    """Record when a token was used."""
    connection.execute(update(access_tokens).where(access_tokens.c.number == number).values(used_at=at))


def select_failures(connection: Connection, digest: str) -> tuple[int, datetime] | None:
    """Return how often signing in failed, and when last."""
    row = connection.execute(select(attempts).where(attempts.c.digest == digest)).first()
    return None if row is None else (int(row.failures), row.last_at)


def count_failure(connection: Connection, digest: str, at: datetime, forgotten_before: datetime) -> int:
    """Count one more failure, in one statement: many may come at once."""
    insert = insert_into(connection.dialect.name, attempts).values(digest=digest, failures=1, last_at=at)
    counted = case((attempts.c.last_at < forgotten_before, 1), else_=attempts.c.failures + 1)
    upsert = insert.on_conflict_do_update(index_elements=["digest"], set_={"failures": counted, "last_at": at})
    return int(connection.execute(upsert.returning(attempts.c.failures)).scalar_one())


def delete_failures(connection: Connection, digest: str) -> None:
    """Forget the failures of a name or an address."""
    connection.execute(delete(attempts).where(attempts.c.digest == digest))


def delete_old_failures(connection: Connection, before: datetime) -> None:
    """Forget old failures."""
    connection.execute(delete(attempts).where(attempts.c.last_at < before))


def _assert_maker(connection: Connection, token: AccessToken) -> None:
    """Lock the row of the person who makes a token: anyone who changes the person at the same time finds the token."""
    row = connection.execute(select(people).where(people.c.name == token.person).with_for_update()).first()
    if row is not None and row.state == PersonState.ACTIVE.value and _grant(row).includes(token.grant):
        return
    raise Refused(
        f"a token cannot do more than its maker, and '{token.person}' may not do that any more",
        "Ask for less, or ask somebody with that role.",
        code="access.role",
    )


def _grant(row: Row[tuple[object, ...]]) -> Grant:
    return Grant(Role(row.role), None if row.sites is None else frozenset(row.sites))


def _token(row: Row[tuple[object, ...]]) -> AccessToken:
    return AccessToken(
        number=row.number,
        name=row.name,
        maker=row.maker,
        grant=_grant(row),
        digest=row.digest,
        created_at=row.created_at,
        ends_at=row.ends_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
        person=row.person or "",
    )
