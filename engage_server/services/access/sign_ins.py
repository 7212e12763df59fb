"""Sessions of people. Only a digest of each cookie is stored, so a copy of the database opens none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from engage_server.errors import Refused
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
        if found is None or now - found.seen_at > IDLE or now - found.began_at > LONGEST:
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

    def of(self, person: str) -> Sequence[SignIn]:
        """Return a person's sessions."""
        return self._store.sign_ins(person)

    def forget_old(self, now: datetime) -> None:
        """Remove what is over."""
        self._store.forget_sign_ins(now - IDLE, now - LONGEST)
        self._attempts.forget_old(now)
