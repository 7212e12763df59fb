"""The people of the demonstration. They have passwords that nobody knows, so nobody can sign in as one of them."""

import secrets
from datetime import datetime

from engage_server.composition.access_side import AccessSide
from engage_server.demo.sites import CLINIC
from engage_server.records import Actor, ActorKind, Grant, Occasion, Role
from engage_server.services.access.approvals import Candidate

MAKER = "engage demo"  # who does what no person of the story does
GUEST = "guest"  # who looks at it
ANNA, BERT, CHRIS, DORA = "anna", "bert", "chris", "dora"
_GRANTS = {
    ANNA: Grant(Role.ADMIN),
    BERT: Grant(Role.OPERATOR),
    CHRIS: Grant(Role.APPROVER),
    DORA: Grant(Role.VIEWER, frozenset({CLINIC.name})),
}
_ADDRESSES = {ANNA: "198.18.240.11", BERT: "198.18.240.12", CHRIS: "198.18.240.13", DORA: "198.18.240.14"}
TOKEN = "access-control"  # noqa: S105  # its name
_TOKEN_DAYS = 366


def add_people(access: AccessSide, at: datetime) -> None:
    """Add everybody who needs no site. They set their passwords at once."""
    for name in (ANNA, BERT, CHRIS):
        secret = access.people.add(name, _GRANTS[name], Occasion(MAKER, at, reason="a demonstration"))
        access.people.set_password(secret, secrets.token_urlsafe(24), at)


def invite(access: AccessSide, name: str, occasion: Occasion) -> None:
    """Add one person, who has not come yet."""
    access.people.add(name, _GRANTS[name], occasion)


def sign_in(access: AccessSide, name: str, at: datetime) -> None:
    """Let a person sign in."""
    access.sign_ins.begin(access.people.person(name), _ADDRESSES[name], at, "password")


def add_token(access: AccessSide, at: datetime) -> None:
    """Let anna make the token of the access-control system. It is shown to nobody, so nobody can use it."""
    occasion = Occasion(ANNA, at, reason="the access-control system delivers databases by the API")
    access.tokens.add(TOKEN, Grant(Role.OPERATOR), _TOKEN_DAYS, _actor(ANNA), occasion)


def candidate(name: str) -> Candidate:
    """A person who wants to approve."""
    return Candidate(_actor(name))


def _actor(name: str) -> Actor:
    return Actor(name, ActorKind.PERSON, _GRANTS[name])


def invite_guest(access: AccessSide, occasion: Occasion) -> str:
    """Add the one who looks at the demonstration, as an admin.

    Returns:
        The secret of a link that works once, within ten minutes.
    """
    return access.people.add(GUEST, Grant(Role.ADMIN), occasion)
