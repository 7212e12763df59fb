"""People and tokens. No hash, digest or secret is ever in it."""

from typing import Any

from engage_server.records import AccessToken, Grant, Person


def grant_json(grant: Grant) -> dict[str, Any]:
    """A role and its sites. ``sites`` is null for all sites."""
    return {"role": grant.role.value, "sites": None if grant.sites is None else sorted(grant.sites)}


def person_json(person: Person) -> dict[str, Any]:
    """A person."""
    return {
        "person": person.name,
        **grant_json(person.grant),
        "state": person.state.value,
        "has_password": bool(person.password_hash),
        "openid_subject": person.subject or None,
        "created_at": person.created_at.isoformat(),
        "seen_at": person.seen_at.isoformat() if person.seen_at else None,
    }


def token_json(token: AccessToken) -> dict[str, Any]:
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
