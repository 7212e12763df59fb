"""The part of the store that holds people, their sign-ins, and tokens of other systems."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from engage_server.records import (
    AccessToken,
    AuditAction,
    AuditEntry,
    AuditEvent,
    Grant,
    Person,
    PersonState,
    SignIn,
)
from engage_server.store import audit_log
from engage_server.store.access import people_queries, request_queries, token_queries
from engage_server.store.database.engine import reading, writing


class SqlAccess:
    """Implements that part of :class:`engage_server.store.interface.Store`, whose docstrings apply."""

    _engine: Engine

    def add_person(self, person: Person, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            people_queries.insert_person(connection, person)
            self._tell(connection, event, changes_serving=False)

    def change_person(self, person: Person, event: AuditEvent, *, ends_sign_ins: bool) -> None:
        with writing(self._engine) as connection:
            people_queries.update_person(connection, person, ends_sign_ins=ends_sign_ins)
            self._tell(connection, event, changes_serving=False)
            self._revoke_beyond(
                connection, person.name, None if person.state is PersonState.LOCKED else person.grant, event
            )

    def remove_person(self, name: str, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            people_queries.delete_person(connection, name)
            self._tell(connection, event, changes_serving=False)
            self._revoke_beyond(connection, name, None, event)

    def people(self) -> Sequence[Person]:
        with reading(self._engine) as connection:
            return people_queries.select_people(connection)

    def person(self, name: str) -> Person | None:
        with reading(self._engine) as connection:
            return next(iter(people_queries.select_people(connection, name)), None)

    def person_of_subject(self, subject: str) -> Person | None:
        with reading(self._engine) as connection:
            return next(iter(people_queries.select_people(connection, subject=subject)), None)

    def note_seen(self, name: str, at: datetime) -> None:
        with writing(self._engine) as connection:
            people_queries.update_seen(connection, name, at)

    def set_password_hash(self, name: str, before: str, after: str) -> bool:
        with writing(self._engine) as connection:
            return people_queries.exchange_hash(connection, name, before, after)

    def change_password(self, name: str, hashes: tuple[str, str], event: AuditEvent, session: str) -> bool:
        with writing(self._engine) as connection:
            if not people_queries.exchange_hash(connection, name, *hashes):
                return False
            people_queries.end_all(connection, name, but=session)
            self._tell(connection, event, changes_serving=False)
            return True

    def add_invitation(self, digest: str, person: str, ends_at: datetime) -> None:
        with writing(self._engine) as connection:
            people_queries.insert_invitation(connection, digest, person, ends_at)

    def invited(self, digest: str, now: datetime) -> str | None:
        with reading(self._engine) as connection:
            return people_queries.select_invited(connection, digest, now)

    def use_invitation(self, digest: str, now: datetime, person: Person, event: AuditEvent) -> bool:
        with writing(self._engine) as connection:
            if not people_queries.delete_invitation(connection, digest, person.name, now):
                return False
            people_queries.update_person(connection, person, ends_sign_ins=True)
            self._tell(connection, event, changes_serving=False)
            return True

    def add_sign_in(self, sign_in: SignIn, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            people_queries.insert_sign_in(connection, sign_in)
            people_queries.update_seen(connection, sign_in.person, sign_in.began_at)
            self._tell(connection, event, changes_serving=False)

    def sign_in(self, digest: str) -> SignIn | None:
        with reading(self._engine) as connection:
            return next(iter(people_queries.select_sign_ins(connection, digest=digest)), None)

    def touch_sign_in(self, digest: str, at: datetime) -> None:
        with writing(self._engine) as connection:
            people_queries.update_sign_in(connection, digest, at)

    def end_sign_in(self, digest: str) -> None:
        with writing(self._engine) as connection:
            people_queries.delete_sign_in(connection, digest)

    def sign_ins(self, person: str) -> Sequence[SignIn]:
        with reading(self._engine) as connection:
            return people_queries.select_sign_ins(connection, person=person)

    def forget_sign_ins(self, idle_before: datetime, began_before: datetime) -> int:
        with writing(self._engine) as connection:
            return people_queries.delete_old(connection, idle_before, began_before)

    def failures(self, digest: str) -> tuple[int, datetime] | None:
        with reading(self._engine) as connection:
            return token_queries.select_failures(connection, digest)

    def note_failure(self, digest: str, at: datetime, forgotten_before: datetime) -> int:
        with writing(self._engine) as connection:
            return token_queries.count_failure(connection, digest, at, forgotten_before)

    def forget_failures(self, digest: str) -> None:
        with writing(self._engine) as connection:
            token_queries.delete_failures(connection, digest)

    def forget_old_failures(self, before: datetime) -> None:
        with writing(self._engine) as connection:
            token_queries.delete_old_failures(connection, before)

    def add_access_token(self, token: AccessToken, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            token_queries.insert_token(connection, token)
            self._tell(connection, event, changes_serving=False)

    def access_tokens(self) -> Sequence[AccessToken]:
        with reading(self._engine) as connection:
            return token_queries.select_tokens(connection)

    def access_token(self, number: str) -> AccessToken | None:
        with reading(self._engine) as connection:
            return next(iter(token_queries.select_tokens(connection, number)), None)

    def revoke_access_token(self, name: str, at: datetime, event: AuditEvent) -> None:
        with writing(self._engine) as connection:
            token_queries.revoke_token(connection, name, at)
            self._tell(connection, event, changes_serving=False)

    def note_token_used(self, number: str, at: datetime) -> None:
        with writing(self._engine) as connection:
            token_queries.update_used(connection, number, at)

    def site_version(self, site: str) -> int:
        with reading(self._engine) as connection:
            return request_queries.select_version(connection, site)

    def kept_request(self, digest: str, now: datetime) -> tuple[str, AuditEntry] | None:
        with reading(self._engine) as connection:
            found = request_queries.select_request(connection, digest, now)
            entry = audit_log.select_entry(connection, found[1]) if found else None
            return (found[0], entry) if found and entry else None

    def _revoke_beyond(self, connection: Connection, person: str, grant: Grant | None, event: AuditEvent) -> None:
        """Revoke the tokens that may do more than the person who made them, and say so in the audit log."""
        for name in token_queries.revoke_beyond(connection, person, grant, event.at):
            facts = {"token": name, "maker": person}
            revoked = replace(event, action=AuditAction.TOKEN_REVOKED, facts=facts, before={}, terms=None)
            self._tell(connection, revoked, changes_serving=False)

    @abstractmethod
    def _tell(
        self, connection: Connection, event: AuditEvent, *, changes_serving: bool, release: int | None = None
    ) -> None:
        """Write the audit event. The whole store implements this in one place."""
