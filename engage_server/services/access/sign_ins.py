"""Sessions of people. Only a digest of each cookie is stored, so a copy of the database opens none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from engage_server.errors import Conflict, Refused
from engage_server.records import Actor, ActorKind, AuditAction, Occasion, Person, PersonState, SignIn
from engage_server.services.access.attempts import Attempts
from engage_server.services.access.passwords import Passwords
from engage_server.services.access.secrets_at_rest import digest_of, new_secret
from engage_server.store.interface import AttemptStore, PeopleStore

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
_TOUCH = timedelta(minutes=1)  # a session is written at most so often


class SignInStore(PeopleStore, AttemptStore, Protocol):
    """The part of the store that signing in needs."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person who has just signed in.

    Attributes:
        person: Who.
        secret: For the cookie. It is stored nowhere.
    """

    person: Person
    secret: str

    def __repr__(self) -> str:
        return f"SignedIn({self.person!r}, ***)"


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """What a person asks for who wants another password.

    Attributes:
        person: Their name.
        session: The digest of the session in which they ask. It stays.
        address: Where they are.
        old: The password of now.
        new: The other one.
    """

    person: str
    session: str
    address: str
    old: str
    new: str

    def __repr__(self) -> str:
        return f"PasswordChange({self.person!r}, ***)"


class SignIns:
    """Begins, finds and ends sessions.

    Args:
        store: The store.
        passwords: Checks passwords.
    """

    def __init__(self, store: SignInStore, passwords: Passwords) -> None:
        self._store = store
        self._passwords = passwords
        self._attempts = Attempts(store)

    def by_password(self, name: str, password: str, address: str, now: datetime) -> SignedIn:
        """Sign in with a password.

        A name that does not exist takes as long as a wrong password, and gives the same answer.

        Raises:
            Refused: It is wrong (``sign_in.wrong``), or comes too early (``sign_in.wait``).
        """
        typed = name.strip().lower()
        self._attempts.begin(typed, address, now)
        person = self._store.person(typed)
        stored = person.password_hash if person is not None and person.state is PersonState.ACTIVE else ""
        if not self._passwords.matches(password, stored) or person is None:
            raise Refused("name or password is wrong", "Try again.", code="sign_in.wrong")
        self._attempts.succeeded(typed, address, now)
        if self._passwords.is_outdated(stored):
            self._store.set_password_hash(person.name, stored, self._passwords.hashed(password))
        return self.begin(person, address, now, "password")

    def begin(self, person: Person, address: str, now: datetime, way: str) -> SignedIn:
        """Begin a session of a person who has proved who they are.

        Args:
            person: Who.
            address: Where they are.
            now: The time; aware.
            way: How they proved it, for the audit log: ``password``, ``link`` or ``openid``.
        """
        secret = new_secret()
        event = Occasion(person.name, now).event(AuditAction.SIGNED_IN, person=person.name, address=address, way=way)
        self._store.add_sign_in(SignIn(digest_of(secret), person.name, now, now, address), event)
        return SignedIn(person, secret)

    def actor(self, secret: str, now: datetime) -> Actor | None:
        """Return who a cookie's secret belongs to. None if the session is over, or if the person may not sign in.

        The store is asked each time, so a session that was ended is over on every host at once.
        """
        found = self._store.sign_in(digest_of(secret))
        if found is None or _is_over(found, now):
            return None
        person = self._store.person(found.person)
        if person is None or person.state is not PersonState.ACTIVE:
            return None
        if now - found.seen_at >= _TOUCH:
            self._store.touch_sign_in(found.digest, now)
        return Actor(person.name, ActorKind.PERSON, person.grant)

    def end(self, secret: str) -> None:
        """End a session."""
        self._store.end_sign_in(digest_of(secret))

    def change_password(self, change: "PasswordChange", now: datetime) -> int:
        """Let a person who has signed in change their password. All their other sessions end.

        Returns:
            How many other sessions there were.

        Raises:
            Refused: The old one is wrong (``password.wrong``), it comes too early (``sign_in.wait``), or the new one
                cannot be used.
            Conflict: The person has no password, or it was changed meanwhile (``password.changed``).
        """
        person = self._store.person(change.person)
        stored = person.password_hash if person is not None else ""
        self._attempts.begin(change.person, change.address, now)
        if not self._passwords.matches(change.old, stored):
            raise Refused("the old password is wrong", "Nothing was changed. Try again.", code="password.wrong")
        self._attempts.succeeded(change.person, change.address, now)
        hashed = self._passwords.hashed(change.new)
        others = len(self.live(change.person, now)) - 1
        event = Occasion(change.person, now).event(AuditAction.PASSWORD_SET, person=change.person)
        if not self._store.change_password(change.person, (stored, hashed), event, change.session):
            raise Conflict(
                "your password was changed meanwhile, so nothing was done", "Sign in again.", code="password.changed"
            )
        return max(0, others)

    def end_others(self, person: str, session: str, now: datetime) -> int:
        """End all sessions of a person but one.

        Args:
            person: Who.
            session: The digest of the one that stays.
            now: The time; aware.

        Returns:
            How many there were that could still be used.
        """
        others = [each for each in self._store.sign_ins(person) if each.digest != session]
        for each in others:
            self._store.end_sign_in(each.digest)
        return sum(not _is_over(each, now) for each in others)

    def live(self, person: str, now: datetime) -> Sequence[SignIn]:
        """Return a person's sessions that are not over, oldest first."""
        return [each for each in self._store.sign_ins(person) if not _is_over(each, now)]

    def of(self, person: str) -> Sequence[SignIn]:
        """Return a person's sessions, those that are over included."""
        return self._store.sign_ins(person)

    def forget_old(self, now: datetime) -> None:
        """Remove what is over."""
        self._store.forget_sign_ins(now - IDLE, now - LONGEST)
        self._attempts.forget_old(now)


def _is_over(session: SignIn, now: datetime) -> bool:
    return now - session.seen_at > IDLE or now - session.began_at > LONGEST
