"""Finds out who calls: a system by its token, or a person by the cookie of their session."""

from datetime import datetime

from flask import Request

from engage_server.errors import Refused
from engage_server.records import Actor
from engage_server.web.api.services import ApiAccess
from engage_server.web.sign_in.cookie import SessionCookie

_BEARER = "bearer "


def caller_of(request: Request, access: ApiAccess, cookie: SessionCookie, now: datetime) -> Actor:
    """Return who calls.

    A token counts, even if there is a cookie, too: anyone who sends one means it.

    Raises:
        Refused: There is neither (``token.missing``), or it is not good. Those codes begin with ``token.``.
    """
    field = request.headers.get("Authorization")
    if field is not None:
        if not field.lower().startswith(_BEARER):
            raise Refused(
                "the field Authorization holds something else than a token",
                "Send it as: Authorization: Bearer TOKEN",
                code="token.malformed",
            )
        return access.tokens.actor(field[len(_BEARER) :].strip(), now)
    secret = cookie.read(request)
    actor = access.sign_ins.actor(secret, now) if secret else None
    if actor is None:
        raise Refused(
            "this address needs a token",
            "Make one: engage token add NAME --role ROLE. Send it as: Authorization: Bearer TOKEN",
            code="token.missing",
        )
    return actor
