"""People, invitations and sign-ins. In the caller's transaction."""

from datetime import datetime

from sqlalchemy import Connection, Row, delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from engage_server.errors import Conflict, NotFound
from engage_server.records import Grant, Person, PersonState, Role, SignIn
from engage_server.store.access.tables import invitations, people, sign_ins


def insert_person(connection: Connection, person: Person) -> None:
    """Add a person.

    Raises:
        Conflict: The name is taken.
    """
    try:
        with connection.begin_nested():
            connection.execute(people.insert().values(_person_row(person) | {"created_at": person.created_at}))
    except IntegrityError:
        raise Conflict(
            f"there is already a person '{person.name}'",
            f"Give them a new link: engage people reset {person.name}",
            code="person.exists",
        ) from None


def update_person(connection: Connection, person: Person, *, ends_sign_ins: bool) -> None:
    """Set everything of a person, except when they were made and seen.

    Raises:
        NotFound: There is no such person.
    """
    changed = connection.execute(update(people).where(people.c.name == person.name).values(_person_row(person)))
    if not changed.rowcount:
        raise no_person(person.name)
    if ends_sign_ins:
        end_all(connection, person.name)


def delete_person(connection: Connection, name: str) -> None:
    """Remove a person.

    Raises:
        NotFound: There is no such person.
    """
    end_all(connection, name)
    if not connection.execute(delete(people).where(people.c.name == name)).rowcount:
        raise no_person(name)


def select_people(connection: Connection, name: str | None = None, subject: str | None = None) -> list[Person]:
    """Return all people, or the one with a name or an OpenID subject."""
    query = select(people).order_by(people.c.name)
    if name is not None:
        query = query.where(people.c.name == name)
    if subject is not None:
        query = query.where(people.c.subject == subject)
    return [_person(row) for row in connection.execute(query)]


def update_seen(connection: Connection, name: str, at: datetime) -> None:
    """Record when a person signed in."""
    connection.execute(update(people).where(people.c.name == name).values(seen_at=at))


def exchange_hash(connection: Connection, name: str, before: str, after: str) -> bool:
    """Exchange a hash. False if it has changed meanwhile."""
    wanted = (people.c.name == name) & (people.c.password_hash == before)
    return connection.execute(update(people).where(wanted).values(password_hash=after)).rowcount == 1


def insert_invitation(connection: Connection, digest: str, person: str, ends_at: datetime) -> None:
    """Add a one-time link in place of the person's earlier ones."""
    connection.execute(delete(invitations).where(invitations.c.person == person))
    connection.execute(invitations.insert().values(digest=digest, person=person, ends_at=ends_at))


def select_invited(connection: Connection, digest: str, now: datetime) -> str | None:
    """Return the person of a one-time link that is still good."""
    wanted = (invitations.c.digest == digest) & (invitations.c.ends_at > now)
    return connection.scalar(select(invitations.c.person).where(wanted))


def delete_invitation(connection: Connection, digest: str, person: str, now: datetime) -> bool:
    """Use up a one-time link. False if somebody did, or if it has ended."""
    wanted = (invitations.c.digest == digest) & (invitations.c.person == person) & (invitations.c.ends_at > now)
    return connection.execute(delete(invitations).where(wanted)).rowcount == 1


def insert_sign_in(connection: Connection, sign_in: SignIn) -> None:
    """Add a session."""
    connection.execute(
        sign_ins.insert().values(
            digest=sign_in.digest,
            person=sign_in.person,
            began_at=sign_in.began_at,
            seen_at=sign_in.seen_at,
            address=sign_in.address,
        )
    )


def select_sign_ins(connection: Connection, *, digest: str | None = None, person: str | None = None) -> list[SignIn]:
    """Return the session with a digest, or those of a person, oldest first."""
    query = select(sign_ins).order_by(sign_ins.c.began_at)
    if digest is not None:
        query = query.where(sign_ins.c.digest == digest)
    if person is not None:
        query = query.where(sign_ins.c.person == person)
    return [SignIn(row.digest, row.person, row.began_at, row.seen_at, row.address) for row in connection.execute(query)]


def update_sign_in(connection: Connection, digest: str, at: datetime) -> None:
    """Record when a session was used."""
    connection.execute(update(sign_ins).where(sign_ins.c.digest == digest).values(seen_at=at))


def delete_sign_in(connection: Connection, digest: str) -> None:
    """End a session."""
    connection.execute(delete(sign_ins).where(sign_ins.c.digest == digest))


def end_all(connection: Connection, person: str, but: str = "") -> None:
    """End the sessions and one-time links of a person. ``but`` is the digest of a session that stays."""
    connection.execute(delete(sign_ins).where(sign_ins.c.person == person, sign_ins.c.digest != but))
    connection.execute(delete(invitations).where(invitations.c.person == person))


def delete_old(connection: Connection, idle_before: datetime, began_before: datetime) -> int:
    """Remove sessions that are over. Return how many."""
    over = or_(sign_ins.c.seen_at < idle_before, sign_ins.c.began_at < began_before)
    connection.execute(delete(invitations).where(invitations.c.ends_at < idle_before))
    return int(connection.execute(delete(sign_ins).where(over)).rowcount)


def no_person(name: str) -> NotFound:
    """The error that there is no such person."""
    return NotFound(f"there is no person '{name}'", "List them: engage people list", code="person.not_found")


def _person_row(person: Person) -> dict[str, object]:
    sites = person.grant.sites
    return {
        "name": person.name,
        "role": person.grant.role.value,
        "sites": None if sites is None else sorted(sites),
        "state": person.state.value,
        "password_hash": person.password_hash,
        "subject": person.subject,
    }


def _person(row: Row[tuple[object, ...]]) -> Person:
    return Person(
        name=row.name,
        grant=Grant(Role(row.role), None if row.sites is None else frozenset(row.sites)),
        state=PersonState(row.state),
        password_hash=row.password_hash,
        subject=row.subject,
        created_at=row.created_at,
        seen_at=row.seen_at,
    )
