"""Account: who a visitor is, where else they are signed in, and their password."""

from collections.abc import Mapping
from typing import Any

from engage_server.errors import UsageError
from engage_server.services.access.passwords import MIN_CHARACTERS
from engage_server.services.access.permissions import Act
from engage_server.services.access.sign_ins import PasswordChange
from engage_server.web.api.route import Scope
from engage_server.web.console.page import Form, Page
from engage_server.web.console.showing.done import after
from engage_server.web.console.visit import Visit

_PATH = "/account"


def show(visit: Visit) -> Mapping[str, Any]:
    """The visitor, and their sessions, newest first."""
    return {
        "person": visit.services.access.people.person(visit.actor.name),
        "sessions": visit.services.access.sign_ins.live(visit.actor.name, visit.now)[::-1],
        "here": visit.browser.session,
        "least": MIN_CHARACTERS,
    }


def change_password(visit: Visit) -> str:
    """Change the visitor's own password.

    Raises:
        UsageError: The two new ones differ.
        Refused: See :meth:`engage_server.services.access.sign_ins.SignIns.change_password`.
        Conflict: It was changed meanwhile.
    """
    old, new, again = (visit.fields.get(each, "") for each in ("before", "password", "again"))
    if new != again:
        raise UsageError("the two new passwords differ", "Type the same one twice.", code="password.differs")
    change = PasswordChange(visit.actor.name, visit.browser.session, visit.browser.address, old, new)
    visit.services.access.sign_ins.change_password(change, visit.now)
    return after(visit, _PATH)


def end_others(visit: Visit) -> Mapping[str, Any]:
    """End the visitor's other sessions."""
    return {"ended": visit.services.access.sign_ins.end_others(visit.actor.name, visit.browser.session, visit.now)}


PAGES = (
    Page(
        "account",
        _PATH,
        "Your account",
        Act.STATUS_SEE,
        show,
        Scope.SOMEWHERE,
        forms=(
            Form(f"{_PATH}/password", Act.STATUS_SEE, change_password, Scope.SOMEWHERE),
            Form(f"{_PATH}/end-others", Act.STATUS_SEE, end_others, Scope.SOMEWHERE),
        ),
    ),
)
