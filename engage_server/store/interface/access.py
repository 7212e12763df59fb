"""People, their sign-ins, and tokens of other systems."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engage_server.records import AccessToken, AuditEntry, AuditEvent, Person, SignIn


class PeopleStore(Protocol):
    """People, and their sign-ins."""

    def add_person(self, person: Person, event: AuditEvent) -> None:
        """Add a person.

        Raises:
            Conflict: The name is taken.
        """

    def change_person(self, person: Person, event: AuditEvent, *, ends_sign_ins: bool) -> None:
        """Set everything of the person of this name, except when they were seen.

        Tokens that the person made while signed in are revoked if they may do more than the person from now on.

        Args:
            person: As they will be.
            event: The event for the audit log.
            ends_sign_ins: Whether all their sign-ins and invitations end in the same transaction.

        Raises:
            NotFound: There is no such person.
        """

    def remove_person(self, name: str, event: AuditEvent) -> None:
        """Remove a person with all their sign-ins and invitations. Tokens that they made while signed in are revoked.

        Raises:
            NotFound: There is no such person.
        """

    def people(self) -> Sequence[Person]:
        """Return all people, by name."""

    def person(self, name: str) -> Person | None:
        """Return one person. None if there is none."""

    def person_of_subject(self, subject: str) -> Person | None:
        """Return the person with this OpenID subject. None if there is none."""

    def note_seen(self, name: str, at: datetime) -> None:
        """Record when a person signed in."""

    def set_password_hash(self, name: str, before: str, after: str) -> bool:
        """Exchange a hash for another one of the same password. False if it has changed meanwhile."""

    def change_password(self, name: str, hashes: tuple[str, str], event: AuditEvent, session: str) -> bool:
        """Exchange the hash of a person's password, before and after, for one of another password.

        In the same transaction all their sign-ins end but one, and their one-time links. Nothing else of the person
        changes: an admin may lock them at the same moment.

        Args:
            name: Who.
            hashes: The stored one, and the new one.
            event: The event for the audit log.
            session: The digest of the sign-in that stays.

        Returns:
            False if the stored one has changed meanwhile. Then nothing was changed.
        """

    def add_invitation(self, digest: str, person: str, ends_at: datetime) -> None:
        """Add a one-time link. Earlier ones of the person end."""

    def invited(self, digest: str, now: datetime) -> str | None:
        """Return the person of a one-time link that is still good. None if there is none."""

    def use_invitation(self, digest: str, now: datetime, person: Person, event: AuditEvent) -> bool:
        """Use up a one-time link, and set the person, in one transaction. All sign-ins of the person end.

        Returns:
            False if it was used or has ended. Then nothing was changed.
        """

    def add_sign_in(self, sign_in: SignIn, event: AuditEvent) -> None:
        """Add a session."""

    def sign_in(self, digest: str) -> SignIn | None:
        """Return a session. None if there is none."""

    def touch_sign_in(self, digest: str, at: datetime) -> None:
        """Record when a session was used."""

    def end_sign_in(self, digest: str) -> None:
        """End a session."""

    def sign_ins(self, person: str) -> Sequence[SignIn]:
        """Return a person's sessions, oldest first."""

    def forget_sign_ins(self, idle_before: datetime, began_before: datetime) -> int:
        """Remove sessions that were not used since, or that began earlier, and old invitations.

        Returns:
            How many sessions there were.
        """


class AttemptStore(Protocol):
    """How often signing in failed."""

    def failures(self, digest: str) -> tuple[int, datetime] | None:
        """Return how often it failed, and when last. None: never lately."""

    def note_failure(self, digest: str, at: datetime, forgotten_before: datetime) -> int:
        """Count one more. If the last one was before that time, counting begins again.

        Returns:
            How many there are.
        """

    def forget_failures(self, digest: str) -> None:
        """Forget them, after a success."""

    def forget_old_failures(self, before: datetime) -> None:
        """Forget those of names and addresses that failed last before this time."""


class TokenStore(Protocol):
    """Tokens of other systems."""

    def add_access_token(self, token: AccessToken, event: AuditEvent) -> None:
        """Add a token.

        Raises:
            Conflict: The name is taken.
            Refused: The person who makes it may no longer do what it may (``access.role``).
        """

    def access_tokens(self) -> Sequence[AccessToken]:
        """Return all tokens, by name."""

    def access_token(self, number: str) -> AccessToken | None:
        """Return one token. None if there is none."""

    def revoke_access_token(self, name: str, at: datetime, event: AuditEvent) -> None:
        """Revoke a token.

        Raises:
            NotFound: There is no such token.
            Conflict: It is revoked already.
        """

    def note_token_used(self, number: str, at: datetime) -> None:
        """Record when a token was used."""


class RequestStore(Protocol):
    """Requests of other systems. What an act's event carries as terms holds, and is kept, in the act's transaction."""

    def site_version(self, site: str) -> int:
        """Return the number of the newest entry of the audit log that changed a site. 0 if there is none."""

    def kept_request(self, digest: str, now: datetime) -> tuple[str, AuditEntry] | None:
        """Return a request of the last 24 hours: the digest of its body, and the entry of what it did.

        Args:
            digest: See :class:`engage_server.records.KeyedRequest`.
            now: Aware, UTC.
        """
