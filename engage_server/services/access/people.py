"""People: added by an admin, who hands them a link that works once. No password is ever made for anybody."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from engage_server.errors import Conflict, NotFound, Refused, UsageError
from engage_server.records import AuditAction, Grant, Occasion, Person, PersonState, Role
from engage_server.services.access.approvals import SHARED_ACCOUNTS
from engage_server.services.access.passwords import Passwords
from engage_server.services.access.secrets_at_rest import digest_of, new_secret
from engage_server.store.interface import PeopleStore

LINK_GOOD_FOR = timedelta(minutes=10)
# the audit log has the servers themselves, and callers without a name, as these
_OF_OTHERS = SHARED_ACCOUNTS | {"servers", "nobody"}
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}", re.ASCII)


class People:
    """Adds, changes and removes people.

    Args:
        store: The store.
        passwords: Hashes passwords.
    """

    def __init__(self, store: PeopleStore, passwords: Passwords) -> None:
        self._store = store
        self._passwords = passwords

    def add(self, name: str, grant: Grant, occasion: Occasion, subject: str = "") -> str:
        """Add a person.

        Args:
            name: The name that they will sign in with. Capitals become small letters.
            grant: What they may do.
            occasion: Who adds them, and when.
            subject: Who they are at an OpenID provider; "" for none.

        Returns:
            The secret of a link that works once, within ten minutes. It is stored nowhere.

        Raises:
            UsageError: The name cannot be used.
            Conflict: The name or the subject is taken.
        """
        self._assert_free(subject, "")
        person = Person(_read_name(name), grant, PersonState.INVITED, "", subject, occasion.now)
        self._store.add_person(person, occasion.event(AuditAction.PERSON_ADDED, person=person.name, **facts_of(grant)))
        return self._invite(person.name, occasion.now)

    def reset(self, name: str, occasion: Occasion, *, may_be_last: bool = True) -> str:
        """Take a person's password, and end all their sessions. Return the secret of a new link.

        Args:
            name: Who.
            occasion: Who resets them, and when.
            may_be_last: Whether it may be the last admin who can sign in: if the link is lost, nobody can.

        Raises:
            NotFound: There is no such person.
            Conflict: It is the last admin.
        """
        person = self.person(name)
        self._assert_not_last(person, may_be_last)
        after = replace(person, state=PersonState.INVITED, password_hash="")
        event = occasion.event(AuditAction.PERSON_RESET, person=person.name)
        self._store.change_person(after, event, ends_sign_ins=True)
        return self._invite(person.name, occasion.now)

    def lock(self, name: str, occasion: Occasion, *, may_be_last: bool) -> None:
        """End all sessions of a person, and let them sign in no more until they are reset.

        Args:
            name: Who.
            occasion: Who locks them, and when.
            may_be_last: Whether it may be the last admin who can sign in.

        Raises:
            NotFound: There is no such person.
            Conflict: It is the last admin.
        """
        person = self.person(name)
        self._assert_not_last(person, may_be_last)
        event = occasion.event(AuditAction.PERSON_LOCKED, person=person.name)
        self._store.change_person(replace(person, state=PersonState.LOCKED), event, ends_sign_ins=True)

    def change(self, name: str, grant: Grant, occasion: Occasion, *, may_be_last: bool) -> None:
        """Give a person another role. Their sessions end, so that none keeps the role of before.

        The same role at the same sites changes nothing: no session ends, and the audit log gets no entry.

        Raises:
            NotFound: There is no such person.
            Conflict: It is the last admin, and would be none any more.
        """
        person = self.person(name)
        if grant == person.grant:
            return
        if grant.role is not Role.ADMIN or grant.sites is not None:
            self._assert_not_last(person, may_be_last)
        event = occasion.event(AuditAction.PERSON_CHANGED, person=person.name, **facts_of(grant))
        event = replace(event, before=facts_of(person.grant))
        self._store.change_person(replace(person, grant=grant), event, ends_sign_ins=True)

    def remove(self, name: str, occasion: Occasion, *, may_be_last: bool) -> None:
        """Remove a person, and end all their sessions.

        Raises:
            NotFound: There is no such person.
            Conflict: It is the last admin.
        """
        person = self.person(name)
        self._assert_not_last(person, may_be_last)
        self._store.remove_person(person.name, occasion.event(AuditAction.PERSON_REMOVED, person=person.name))

    def connect(self, name: str, subject: str, occasion: Occasion) -> None:
        """Say who a person is at an OpenID provider. Their sessions end.

        Args:
            name: Who.
            subject: As it is stored: issuer, a space, subject. "": they do not sign in there any more.
            occasion: Who says so, and when.

        Raises:
            NotFound: There is no such person.
            Conflict: It is somebody else's.
        """
        person = self.person(name)
        self._assert_free(subject, person.name)
        event = occasion.event(AuditAction.PERSON_CHANGED, person=person.name, openid=subject or "none")
        event = replace(event, before={"openid": person.subject or "none"})
        self._store.change_person(replace(person, subject=subject), event, ends_sign_ins=True)

    def has_local_admin(self) -> bool:
        """Whether somebody can manage people while an OpenID provider is down."""
        return any(map(is_local_admin, self._store.people()))

    def all(self) -> Sequence[Person]:
        """Return all people, by name."""
        return self._store.people()

    def person(self, name: str) -> Person:
        """Return one person.

        Raises:
            NotFound: There is no such person.
        """
        found = self._store.person(name.lower())
        if found is None:
            raise NotFound(f"there is no person '{name}'", "List them: engage people list", code="person.not_found")
        return found

    def invited(self, secret: str, now: datetime) -> Person | None:
        """Return the person whom a link invites. None if it was used, has ended, or never was."""
        name = self._store.invited(digest_of(secret), now)
        return None if name is None else self._store.person(name)

    def set_password(self, secret: str, password: str, now: datetime) -> Person:
        """Set the password of the person whom a link invites, and use the link up.

        Raises:
            Refused: The link is no longer good (``link.used``), or the password cannot be used. Then the link stays.
        """
        person = self.invited(secret, now)
        if person is None:
            raise _link_used()
        hashed = self._passwords.hashed(password)
        after = replace(person, state=PersonState.ACTIVE, password_hash=hashed)
        event = Occasion(person.name, now).event(AuditAction.PASSWORD_SET, person=person.name)
        if not self._store.use_invitation(digest_of(secret), now, after, event):
            raise _link_used()
        return after

    def _invite(self, name: str, now: datetime) -> str:
        secret = new_secret()
        self._store.add_invitation(digest_of(secret), name, now + LINK_GOOD_FOR)
        return secret

    def _assert_free(self, subject: str, name: str) -> None:
        holder = self._store.person_of_subject(subject) if subject else None
        if holder is not None and holder.name != name:
            raise Conflict(
                f"'{holder.name}' has that OpenID subject already",
                f"Take it from them first: engage people openid {holder.name} --none",
                code="person.subject_taken",
            )

    def _assert_not_last(self, person: Person, may_be_last: bool) -> None:
        if may_be_last or not is_local_admin(person):
            return
        if not any(is_local_admin(each) and each.name != person.name for each in self._store.people()):
            raise Conflict(
                f"'{person.name}' is the last admin who can sign in",
                "Add another admin first.",
                code="person.last_admin",
            )


def is_local_admin(person: Person) -> bool:
    """Whether a person can sign in with a password, and manage people: also while an OpenID provider is down."""
    is_whole = person.grant.role is Role.ADMIN and person.grant.sites is None
    return is_whole and person.state is PersonState.ACTIVE and bool(person.password_hash)


def facts_of(grant: Grant) -> dict[str, str]:
    """Return a grant as the audit log has it."""
    sites = "all" if grant.sites is None else ", ".join(sorted(grant.sites))
    return {"role": grant.role.value, "sites": sites}


def _read_name(name: str) -> str:
    read = name.strip().lower()
    if not _NAME.fullmatch(read):
        raise UsageError(
            f"'{name}' cannot be a person's name",
            "Use letters, digits, '.', '_', '-' and '@', at most 64. Begin with a letter or digit.",
            code="person.name",
        )
    if read in _OF_OTHERS:
        raise UsageError(
            f"'{read}' cannot be a person's name: the audit log has others under it",
            "Choose another.",
            code="person.name",
        )
    return read


def _link_used() -> Refused:
    return Refused(
        "the link was used, or its ten minutes are over",
        "Ask an admin for a new one.",
        code="link.used",
    )
