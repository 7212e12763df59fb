"""Who arrives from the provider: a subject becomes a person, with the role that their groups give at this moment."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engage_server.errors import Conflict
from engage_server.records import AuditAction, Grant, Occasion, Person, PersonState
from engage_server.services.access.openid.refusals import refused
from engage_server.services.access.openid.terms import OpenIdTerms, grant_of, subject_of
from engage_server.services.access.people import facts_of, is_local_admin
from engage_server.store.interface import PeopleStore

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}", re.ASCII)
_RESERVED = ("root",)  # in the audit log, that is whoever has a shell
_MAX_GROUPS = 1000


@dataclass(frozen=True, slots=True)
class Identity:
    """What a verified token says about a person.

    Attributes:
        subject: As it is stored: see :func:`.terms.subject_of`.
        names: What they could be called here, the best one first. All usable.
        groups: Their groups at the provider.
    """

    subject: str
    names: tuple[str, ...]
    groups: tuple[str, ...]


def read_identity(claims: Mapping[str, Any], terms: OpenIdTerms) -> Identity:
    """Read the claims of a verified token."""
    groups = claims.get(terms.groups_claim)
    listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    return Identity(
        subject_of(terms.issuer, claims["sub"]),
        tuple(dict.fromkeys(_names(claims, terms.name_claim))),
        tuple(each for each in listed[:_MAX_GROUPS] if isinstance(each, str)),
    )


class Arrivals:
    """Finds or makes the person of an identity.

    Args:
        store: The store.
        groups: What each group may do.
    """

    def __init__(self, store: PeopleStore, groups: Mapping[str, Grant]) -> None:
        self._store = store
        self._groups = groups

    def person(self, identity: Identity, now: datetime) -> Person:
        """Return the person, with the role of their groups.

        A person who is in none of the groups any more loses their sessions, too.

        Raises:
            Refused: They may not sign in: ``openid.locked``, ``openid.no_group``, ``openid.name``,
                ``openid.name_taken`` or ``openid.last_admin``.
        """
        found = self._store.person_of_subject(identity.subject)
        if found is not None and found.state is PersonState.LOCKED:
            raise refused("openid.locked")
        grant = grant_of(identity.groups, self._groups)
        if grant is None:
            for each in self._store.sign_ins(found.name) if found else ():
                self._store.end_sign_in(each.digest)
            raise refused("openid.no_group")
        return self._make(identity, grant, now) if found is None else self._refresh(found, grant, now)

    def _refresh(self, person: Person, grant: Grant, now: datetime) -> Person:
        after = replace(person, grant=grant, state=PersonState.ACTIVE)
        if after == person:
            return person
        if is_local_admin(person) and not is_local_admin(after):
            others = (each for each in self._store.people() if each.name != person.name)
            if not any(map(is_local_admin, others)):
                raise refused("openid.last_admin")
        event = Occasion(person.name, now).event(
            AuditAction.PERSON_CHANGED, person=person.name, way="openid", **facts_of(grant)
        )
        event = replace(event, before=facts_of(person.grant))
        self._store.change_person(after, event, ends_sign_ins=grant != person.grant)
        return after

    def _make(self, identity: Identity, grant: Grant, now: datetime) -> Person:
        holders = {name: self._store.person(name) for name in identity.names}
        # one human under two names could approve what they started themselves
        if any(holder is not None and not holder.subject for holder in holders.values()):
            raise refused("openid.name_taken")
        name = next((each for each, holder in holders.items() if holder is None), None)
        if name is None:
            raise refused("openid.name_taken" if holders else "openid.name")
        made = Person(name, grant, PersonState.ACTIVE, "", identity.subject, now)
        event = Occasion(name, now).event(AuditAction.PERSON_ADDED, person=name, way="openid", **facts_of(grant))
        try:
            self._store.add_person(made, event)
        except Conflict:  # at the same moment, in another tab
            found = self._store.person_of_subject(identity.subject)
            if found is None:
                raise refused("openid.name_taken") from None
            return found
        return made


def _names(claims: Mapping[str, Any], name_claim: str) -> Iterator[str]:
    for claim in (name_claim, "email"):
        told = str(claims.get(claim) or "").strip().lower()
        for name in (told, told.partition("@")[0]):
            if _NAME.fullmatch(name) and name not in _RESERVED:
                yield name
