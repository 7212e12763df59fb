"""Tokens of other systems: ``engage_NUMBER_SECRET_CHECKSUM``, shown once.

The beginning lets scanners find a token in a repository. The number finds the row. The secret has 32 random bytes, so
one SHA-256 is enough at rest. The checksum finds a cut-off token without asking the store.
"""

import hmac
import re
import secrets
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from engage_server.errors import Refused, UsageError
from engage_server.records import AccessToken, Actor, ActorKind, AuditAction, Grant, Occasion
from engage_server.services.access.secrets_at_rest import digest_of
from engage_server.store.interface import TokenStore

MOST_DAYS = 366
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_TOKEN = re.compile(r"engage_([0-9a-f]{12})_([0-9a-f]{64})_([0-9a-f]{8})", re.ASCII)
_NOTED = timedelta(hours=1)
_ABSENT = "0" * 64


class Tokens:
    """Makes, checks and revokes tokens.

    Args:
        store: The store.
    """

    def __init__(self, store: TokenStore) -> None:
        self._store = store

    def add(self, name: str, grant: Grant, days: int, maker: Actor, occasion: Occasion) -> str:
        """Make a token.

        Args:
            name: The operator's name for it.
            grant: What it may do.
            days: How long it is good for, 366 at most.
            maker: Who makes it.
            occasion: Who and when, for the audit log.

        Returns:
            The token. It is stored nowhere.

        Raises:
            UsageError: The name or the number of days cannot be used.
            Refused: It would be able to do more than its maker (``access.role``).
            Conflict: The name is taken.
        """
        _assert_usable(name, days)
        if maker.grant is not None and not maker.grant.includes(grant):
            raise Refused(
                f"a token cannot do more than its maker, and {maker.name} has the role {maker.grant.role}",
                "Ask for less, or ask somebody with that role.",
                code="access.role",
            )
        number, secret = secrets.token_hex(6), secrets.token_hex(32)
        sites = "all" if grant.sites is None else ", ".join(sorted(grant.sites))
        ends_at = occasion.now + timedelta(days=days)
        person = maker.name if maker.kind is ActorKind.PERSON else ""
        token = AccessToken(number, name, maker.name, grant, digest_of(secret), occasion.now, ends_at, person=person)
        event = occasion.event(
            AuditAction.TOKEN_ADDED, token=name, role=grant.role.value, sites=sites, ends=f"{ends_at:%Y-%m-%d}"
        )
        self._store.add_access_token(token, event)
        return _written(number, secret)

    def actor(self, text: str, now: datetime) -> Actor:
        """Return who a token is.

        Raises:
            Refused: It is none (``token.malformed``), unknown or wrong (``token.wrong``), has ended (``token.ended``)
                or was revoked (``token.revoked``).
        """
        found = _TOKEN.fullmatch(text)
        if found is None or not hmac.compare_digest(found[3], _checksum(found[1], found[2])):
            raise Refused(
                "this is no whole token",
                "Copy all of it: engage_, three parts, with _ between them.",
                code="token.malformed",
            )
        token = self._store.access_token(found[1])
        is_right = hmac.compare_digest(token.digest if token else _ABSENT, digest_of(found[2]))
        if token is None or not is_right:
            raise Refused("there is no such token", "Make one: engage token add NAME --role ROLE", code="token.wrong")
        if token.revoked_at is not None:
            raise Refused(f"the token '{token.name}' was revoked", "Make another one.", code="token.revoked")
        if not token.is_usable(now):
            ended = f"{token.ends_at:%Y-%m-%d}"
            raise Refused(f"the token '{token.name}' ended on {ended}", "Make another one.", code="token.ended")
        if token.used_at is None or now - token.used_at >= _NOTED:
            self._store.note_token_used(token.number, now)
        return Actor(f"token {token.name}", ActorKind.TOKEN, token.grant)

    def all(self) -> Sequence[AccessToken]:
        """Return all tokens, by name."""
        return self._store.access_tokens()

    def revoke(self, name: str, occasion: Occasion) -> None:
        """Revoke a token. From now on no host accepts it.

        Raises:
            NotFound: There is no such token.
            Conflict: It is revoked already.
        """
        self._store.revoke_access_token(name, occasion.now, occasion.event(AuditAction.TOKEN_REVOKED, token=name))


def _written(number: str, secret: str) -> str:
    return f"engage_{number}_{secret}_{_checksum(number, secret)}"


def _checksum(number: str, secret: str) -> str:
    return f"{zlib.crc32(f'{number}_{secret}'.encode()):08x}"


def _assert_usable(name: str, days: int) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot be a token's name",
            "Use letters, digits, '.', '_' and '-', at most 64. Begin with a letter or digit.",
            code="token.name",
        )
    if not 1 <= days <= MOST_DAYS:
        raise UsageError(f"a token is good for 1 to {MOST_DAYS} days, not {days}", "Use --days 90.", code="token.days")
