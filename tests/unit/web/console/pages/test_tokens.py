"""Tokens: a new one is shown once, and does no more than its maker."""

import re
from datetime import timedelta

import pytest

from engage_server.records import AuditAction, Grant, Role
from tests.support.chains import NOW
from tests.support.console import Browser, Console, Shown
from tests.support.stored import audit_events
from tests.support.world import World

PAGE, ADD, REVOKE = "/people/tokens", "/people/tokens/add", "/people/tokens/revoke"
TOKEN = re.compile(r"engage_[0-9a-f]{12}_[0-9a-f]{64}_[0-9a-f]{8}")


@pytest.fixture
def admin(console: Console) -> Browser:
    """Who makes tokens."""
    return console.person("ann", Role.ADMIN)


def test_a_token_is_shown_once_and_works(console: Console, world: World, admin: Browser) -> None:
    typed = {
        "name": "ci",
        "add-role": "operator",
        "add-where": "ticked",
        "add-at-main": "yes",
        "days": "30",
        "reason": "pipeline",
    }
    answer = admin.send(PAGE, ADD, **typed)
    (token,) = TOKEN.findall(answer.text)
    assert answer.headers["Cache-Control"] == "no-store"
    assert console.side.access.tokens.actor(token, NOW).grant == Grant(Role.OPERATOR, frozenset({"main"}))
    event = audit_events(world.store)[-1]
    assert (event.actor, event.action, event.reason) == ("ann", AuditAction.TOKEN_ADDED, "pipeline")
    page = admin.page(PAGE)
    assert not TOKEN.search(page.answer.text)
    (row,) = page.rows()
    assert row[:4] == ["ci", "operator", "main", "good"]
    assert row[4] == f"{NOW + timedelta(days=30):%Y-%m-%d}"
    assert row[6] == "ann"
    assert token[7:19] == row[7]
    assert token[20:84] not in page.answer.text


def test_the_same_form_sent_twice_makes_one(admin: Browser, console: Console) -> None:
    typed = {**admin.page(PAGE).form(ADD), "name": "ci"}
    assert admin.post(ADD, typed).status_code == 200
    again = admin.post(ADD, typed)
    assert again.status_code == 409
    assert "There is already a token 'ci'" in Shown(again).alert
    assert not TOKEN.search(again.text)
    assert len(console.side.access.tokens.all()) == 1


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"name": "a b"}, "cannot be a token's name"),
        ({"days": "0"}, "1 to 366 days"),
        ({"days": "367"}, "1 to 366 days"),
        ({"days": "many"}, "'many' is no number of days"),
        ({"days": "٣"}, "is no number of days"),
        ({"add-where": "ticked"}, "No site is named"),
    ],
)
def test_a_refusal_keeps_what_was_typed(admin: Browser, typed: dict[str, str], told: str, console: Console) -> None:
    typed = {"name": "ci", **typed}
    page = admin.refused(PAGE, ADD, **typed)
    assert told in page.alert
    assert page.form(ADD)["name"] == typed["name"]
    assert console.side.access.tokens.all() == []


def test_a_revoked_token_opens_nothing_and_moves_below(console: Console, world: World, admin: Browser) -> None:
    (token,) = TOKEN.findall(admin.send(PAGE, ADD, name="ci").text)
    page = admin.act(PAGE, REVOKE, revoked="ci", reason="it leaked")
    assert "Revoked the token ci." in page.status
    assert page.rows() == [] if page.tree.xpath("//main//table") else True
    assert "There is no token that can be used." in page.text
    event = audit_events(world.store)[-1]
    assert (event.actor, event.action, event.reason) == ("ann", AuditAction.TOKEN_REVOKED, "it leaked")
    assert not console.side.access.tokens.all()[0].is_usable(NOW)
    (row,) = admin.page(f"{PAGE}?over=yes").rows()
    assert row[3].startswith("revoked")
    assert token[20:] not in admin.page(f"{PAGE}?over=yes").answer.text


def test_revoking_twice_or_what_is_not_there_says_so(admin: Browser) -> None:
    admin.send(PAGE, ADD, name="ci")
    typed = {**admin.page(PAGE).form(REVOKE), "revoked": "ci"}
    assert admin.post(REVOKE, typed).status_code == 303
    assert "is revoked already" in Shown(admin.post(REVOKE, typed)).alert
    assert "There is no token 'other'" in Shown(admin.post(REVOKE, {**typed, "revoked": "other"})).alert
