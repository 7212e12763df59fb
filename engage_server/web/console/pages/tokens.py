"""Tokens: with which other systems call the API. A new one is shown once, in the answer to the form that makes it."""

from collections.abc import Mapping
from typing import Any

from engage_server.errors import UsageError
from engage_server.records import AccessToken
from engage_server.services.access.permissions import Act
from engage_server.services.access.tokens import MOST_DAYS
from engage_server.web.api.route import Scope
from engage_server.web.console.page import Form, Page
from engage_server.web.console.showing.done import after
from engage_server.web.console.typed_grant import MOST_TICKS, read_grant, role_options, where_options
from engage_server.web.console.visit import Visit

_PATH = "/people/tokens"
_AT_ONCE = 100
_USUAL_DAYS = "90"


def show(visit: Visit) -> Mapping[str, Any]:
    """A page of the tokens, by name: those that can be used, or all."""
    tokens = visit.services.access.tokens.all()
    usable = [each for each in tokens if each.is_usable(visit.now)]
    wanted = tokens if visit.query.get("over") == "yes" else usable
    beyond = [each for each in wanted if each.name > visit.query.get("cursor", "")]
    most = visit.at_most(_AT_ONCE)
    return {
        "tokens": [(each, _state(each, visit)) for each in beyond[:most]],
        "cursor": beyond[most - 1].name if len(beyond) > most else None,
        "usable": [(each.name, each.name) for each in usable],
        "over": len(tokens) - len(usable),
        "most_days": MOST_DAYS,
        "usual_days": _USUAL_DAYS,
        "sites": [each.name for each in visit.services.sites.all()],
        "roles": role_options(),
        "where": where_options(),
        "most_ticks": MOST_TICKS,
    }


def add_token(visit: Visit) -> Mapping[str, Any]:
    """Make a token, and show it.

    Raises:
        UsageError: Its name or its days cannot be used, or no site is ticked.
        Refused: It would be able to do more than its maker.
        Conflict: The name is taken.
    """
    name, days, grant = visit.typed("name").strip(), _days(visit), read_grant(visit, "add")
    made = visit.services.access.tokens.add(name, grant, days, visit.actor, visit.because())
    return {"made": made, "made_name": name, "made_days": days}


def revoke_token(visit: Visit) -> str:
    """Revoke a token.

    Raises:
        NotFound: There is no such token.
        Conflict: It is revoked already.
    """
    visit.services.access.tokens.revoke(visit.typed("revoked"), visit.because())
    return after(visit, _PATH)


def _days(visit: Visit) -> int:
    text = visit.typed("days").strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_DAYS))):
        raise UsageError(f"'{text[:20]}' is no number of days", f"Use 1 to {MOST_DAYS}.", code="token.days")
    return int(text)


def _state(token: AccessToken, visit: Visit) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "good" if token.is_usable(visit.now) else "ended"


PAGES = (
    Page(
        "tokens",
        _PATH,
        "Tokens",
        Act.TOKEN_SEE,
        show,
        Scope.EVERYWHERE,
        forms=(
            Form(f"{_PATH}/add", Act.TOKEN_CHANGE, add_token, Scope.EVERYWHERE),
            Form(f"{_PATH}/revoke", Act.TOKEN_CHANGE, revoke_token, Scope.EVERYWHERE),
        ),
    ),
)
