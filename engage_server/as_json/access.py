"""People and tokens. No hash, digest or secret is ever in it."""

from engage_server.as_json.formats import Instant, Shape
from engage_server.records import AccessToken, Grant, Person, PersonState, Role


class GrantJson(Shape):
    """A role, and where it holds."""

    role: Role
    """What its holder may do. Each role may also do what the ones before it may."""
    sites: list[str] | None
    """The names of the sites where the role holds. Null: at all sites. An empty list: at none."""


class PersonJson(GrantJson):
    """A person who may sign in."""

    person: str
    """The name that they sign in with."""
    state: PersonState
    """A person is invited until they set a password. A locked one cannot sign in."""
    has_password: bool
    """False for people who were invited, and for those who sign in at an OpenID provider only."""
    openid_subject: str | None
    """Who they are at the OpenID provider. Null: they do not sign in there."""
    created_at: Instant
    """When they were added."""
    seen_at: Instant | None
    """When they last signed in. Null: never."""


class TokenJson(GrantJson):
    """A token of another system. The secret itself is shown once, when the token is made."""

    token: str
    """The operator's name for it."""
    number: str
    """The part of the token that is no secret. Logs can be searched for it."""
    maker: str
    """Who made it, as the audit log names them."""
    created_at: Instant
    """When it was made."""
    ends_at: Instant
    """From this time on it is refused."""
    used_at: Instant | None
    """When it was last used, exact to an hour. Null: never."""
    revoked_at: Instant | None
    """Since when it is refused because somebody revoked it. Null: nobody did."""


def grant_json(grant: Grant) -> GrantJson:
    """A role and its sites. ``sites`` is null for all sites."""
    return {"role": grant.role, "sites": None if grant.sites is None else sorted(grant.sites)}


def person_json(person: Person) -> PersonJson:
    """A person."""
    return {
        "person": person.name,
        **grant_json(person.grant),
        "state": person.state,
        "has_password": bool(person.password_hash),
        "openid_subject": person.subject or None,
        "created_at": person.created_at.isoformat(),
        "seen_at": person.seen_at.isoformat() if person.seen_at else None,
    }


def token_json(token: AccessToken) -> TokenJson:
    """A token. ``number`` is the part of it that is no secret."""
    return {
        "token": token.name,
        "number": token.number,
        "maker": token.maker,
        **grant_json(token.grant),
        "created_at": token.created_at.isoformat(),
        "ends_at": token.ends_at.isoformat(),
        "used_at": token.used_at.isoformat() if token.used_at else None,
        "revoked_at": token.revoked_at.isoformat() if token.revoked_at else None,
    }
