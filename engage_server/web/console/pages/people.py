"""People: who may sign in, and with what role. Adding one shows the link to set a password with, this once."""

from collections.abc import Mapping
from typing import Any

from engage_server.errors import NotFound
from engage_server.records import AuditAction, Person
from engage_server.services.access.people import LINK_GOOD_FOR
from engage_server.services.access.permissions import Act
from engage_server.web.api.route import Scope
from engage_server.web.console.acting import assert_unchanged, seen_by
from engage_server.web.console.page import Form, Page
from engage_server.web.console.showing.done import after
from engage_server.web.console.typed_grant import MOST_TICKS, grant_version, read_grant, role_options, where_options
from engage_server.web.console.visit import Visit

_PATH = "/people"
_AT_ONCE = 100


def show(visit: Visit) -> Mapping[str, Any]:
    """A page of the people, by name, and the one who was chosen.

    Raises:
        NotFound: There is nobody of that name.
    """
    everybody = visit.services.access.people.all()
    beyond = [each for each in everybody if each.name > visit.query.get("cursor", "")]
    chosen = _chosen(visit)
    most = visit.at_most(_AT_ONCE)
    return {
        "people": beyond[:most],
        "cursor": beyond[most - 1].name if len(beyond) > most else None,
        "chosen": chosen,
        "chosen_version": grant_version(chosen.grant) + f" {chosen.state}" if chosen else "",
        "their_tokens": _tokens_of(visit, chosen) if chosen else [],
        "sites": [each.name for each in visit.services.sites.all()],
        "roles": role_options(),
        "where": where_options(),
        "most_ticks": MOST_TICKS,
    }


def add_person(visit: Visit) -> Mapping[str, Any]:
    """Add a person, and show the link.

    Raises:
        UsageError: The name cannot be used, or no site is ticked.
        Conflict: The name is taken.
    """
    name, grant = visit.typed("name"), read_grant(visit, "add")
    secret = visit.services.access.people.add(name, grant, visit.because())
    return _link(visit, name.strip().lower(), secret)


def reset_person(visit: Visit) -> Mapping[str, Any]:
    """Take a person's password, and show a new link.

    Raises:
        NotFound: There is no such person.
        Conflict: It is the last admin, or the person was changed meanwhile.
    """
    person = _unchanged(visit)
    secret = visit.services.access.people.reset(person.name, visit.because(), may_be_last=False)
    return _link(visit, person.name, secret)


def change_person(visit: Visit) -> str:
    """Give a person another role.

    Raises:
        NotFound: There is no such person.
        UsageError: No site is ticked.
        Conflict: It is the last admin, or the person was changed meanwhile.
    """
    person = _unchanged(visit)
    grant = read_grant(visit, "change")
    visit.services.access.people.change(person.name, grant, visit.because(), may_be_last=False)
    return after(visit, _PATH, AuditAction.PERSON_CHANGED)


def lock_person(visit: Visit) -> str:
    """End a person's sessions, and let them sign in no more.

    Raises:
        NotFound: There is no such person.
        Conflict: It is the last admin, or the person was changed meanwhile.
    """
    visit.services.access.people.lock(_unchanged(visit).name, visit.because(), may_be_last=False)
    return after(visit, _PATH)


def remove_person(visit: Visit) -> str:
    """Remove a person, whose name was typed.

    Raises:
        NotFound: There is no such person.
        UsageError: The name was not typed.
        Conflict: It is the last admin, or the person was changed meanwhile.
    """
    person = _unchanged(visit)
    visit.assert_typed(person.name, "the person's name")
    visit.services.access.people.remove(person.name, visit.because(), may_be_last=False)
    return after(visit, _PATH)


def _chosen(visit: Visit) -> Person | None:
    """Whose forms are shown. None after the person is gone: what was refused is shown anyway."""
    name = visit.fields.get("person") or visit.query.get("person", "")
    try:
        return visit.services.access.people.person(name) if name else None
    except NotFound:
        if visit.fields:
            return None
        raise


def _unchanged(visit: Visit) -> Person:
    """The person whom a form names, if they are as its page showed them."""
    person = visit.services.access.people.person(visit.typed("person"))
    assert_unchanged(seen_by(visit), f"{grant_version(person.grant)} {person.state}")
    return person


def _tokens_of(visit: Visit, person: Person) -> list[str]:
    """The tokens that a person made while signed in, and that can still be used."""
    tokens = visit.services.access.tokens.all()
    return [each.name for each in tokens if each.person == person.name and each.is_usable(visit.now)]


def _link(visit: Visit, name: str, secret: str) -> Mapping[str, Any]:
    link = f"{visit.browser.origin}/sign-in/{secret}"
    return {"link": link, "link_of": name, "minutes": LINK_GOOD_FOR.seconds // 60}


PAGES = (
    Page(
        "people",
        _PATH,
        "People",
        Act.PEOPLE_SEE,
        show,
        Scope.EVERYWHERE,
        forms=tuple(
            Form(f"{_PATH}/{path}", Act.PEOPLE_CHANGE, carry_out, Scope.EVERYWHERE)
            for path, carry_out in (
                ("add", add_person),
                ("change", change_person),
                ("reset", reset_person),
                ("lock", lock_person),
                ("remove", remove_person),
            )
        ),
    ),
)
