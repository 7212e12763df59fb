"""People: who may sign in, and with what role. The link of a new person is shown once."""

import re
from dataclasses import replace
from typing import Any

import pytest

from engage_server.records import AuditAction, Grant, Host, PersonState, Role
from tests.support.chains import NOW
from tests.support.console import Browser, Console, Shown
from tests.support.stored import audit_events
from tests.support.world import World

PAGE = "/people"
OF_ANN = "/people?person=ann"
PASSWORD = "correct horse battery"


@pytest.fixture
def admin(console: Console) -> Browser:
    """Who manages people."""
    return console.person("root-ann", Role.ADMIN)


def _add(console: Console, world: World, name: str = "ann", grant: Grant | None = None) -> str:
    """A person who has set a password. Returns the secret of a session."""
    people = console.side.access.people
    secret = people.add(name, grant or Grant(Role.OPERATOR, frozenset({"main"})), world.occasion)
    person = people.set_password(secret, PASSWORD, NOW)
    return console.side.access.sign_ins.begin(person, "10.0.0.1", NOW, "link").secret


def _links(answer: Any) -> list[str]:
    return re.findall(r"http://localhost/sign-in/([\w-]{43})", answer.text)


def test_each_person_is_shown_with_role_sites_state_and_how_they_sign_in(
    console: Console, world: World, admin: Browser
) -> None:
    _add(console, world)
    console.side.access.people.connect("ann", "https://sso.example 7", world.occasion)
    console.side.access.people.add("bob", Grant(Role.VIEWER), world.occasion)
    page = admin.page(PAGE)
    at = f"{NOW:%Y-%m-%d %H:%M} UTC"
    assert page.rows() == [
        ["ann", "operator", "main", "active", "password, OpenID", at],
        ["bob", "viewer", "all", "invited", "nothing yet", "never"],
        ["root-ann (you)", "admin", "all", "active", "password", at],
    ]
    assert "engage people list" in page.text
    assert "argon2" not in page.answer.text


def test_many_people_have_pages(console: Console, world: World, admin: Browser) -> None:
    for number in range(101):
        console.side.access.people.add(f"p{number:03}", Grant(Role.VIEWER), world.occasion)
    first = admin.page(PAGE)
    (link,) = [each for each in first.links() if "cursor=" in each and "person=" not in each]
    names = [row[0] for page in (first, admin.page(link)) for row in page.rows()]
    assert names == [*(f"p{number:03}" for number in range(101)), "root-ann (you)"]
    assert len(first.answer.data) < 100_000


class TestAdding:
    """Whose link is shown once."""

    def test_the_link_works_once_and_is_shown_once(self, console: Console, world: World, admin: Browser) -> None:
        typed = {
            "name": "Bob",
            "add-role": "operator",
            "add-where": "ticked",
            "add-at-main": "yes",
            "reason": "new here",
        }
        answer = admin.send(PAGE, "/people/add", **typed)
        (secret,) = _links(answer)
        assert answer.headers["Cache-Control"] == "no-store"
        assert f'href="http://localhost/sign-in/{secret}' not in answer.text, "nothing fetches it ahead"
        assert secret not in admin.page(PAGE).answer.text
        event = audit_events(world.store)[-1]
        assert (event.actor, event.action, event.reason) == ("root-ann", AuditAction.PERSON_ADDED, "new here")
        assert secret not in repr(event)
        person = console.side.access.people.invited(secret, NOW)
        assert person is not None
        assert (person.name, person.grant) == ("bob", Grant(Role.OPERATOR, frozenset({"main"})))

    def test_the_same_form_sent_twice_adds_one(self, console: Console, admin: Browser) -> None:
        typed = {**admin.page(PAGE).form("/people/add"), "name": "bob"}
        (secret,) = _links(admin.post("/people/add", typed))
        again = admin.post("/people/add", typed)
        assert again.status_code == 409
        assert "There is already a person 'bob'" in Shown(again).alert
        assert console.side.access.people.invited(secret, NOW) is not None, "the first link is still good"

    @pytest.mark.parametrize(
        ("typed", "told"),
        [
            ({"name": "a b"}, "'a b' cannot be a person's name"),
            ({"name": "bob", "add-where": "ticked"}, "No site is named"),
            ({"name": "bob", "add-role": "king"}, "names no role"),
            ({"name": "bob", "add-where": ""}, "does not say where"),
            ({"name": "bob", "add-where": "ticked", "add-at-elsewhere": "yes"}, "No site is named"),
            ({"name": "bob", "reason": "\x07"}, "control character"),
        ],
    )
    def test_a_refusal_keeps_what_was_typed(
        self, console: Console, admin: Browser, typed: dict[str, str], told: str
    ) -> None:
        page = admin.refused(PAGE, "/people/add", **typed)
        assert told in page.alert
        assert page.form("/people/add")["name"] == typed["name"]
        assert [each.name for each in console.side.access.people.all()] == ["root-ann"]


class TestChanging:
    """Another role, a new link, a lock, and the end."""

    @pytest.mark.parametrize(
        ("action", "typed", "wanted"),
        [
            (
                "change",
                {"change-role": "approver", "change-where": "all", "change-at-main": ""},
                AuditAction.PERSON_CHANGED,
            ),
            ("lock", {}, AuditAction.PERSON_LOCKED),
            ("remove", {"confirm": "ann"}, AuditAction.PERSON_REMOVED),
        ],
    )
    def test_it_is_in_the_audit_log_and_ends_their_sessions(
        self, console: Console, world: World, admin: Browser, action: str, typed: dict[str, str], wanted: AuditAction
    ) -> None:
        session = _add(console, world)
        page = admin.act(OF_ANN, f"/people/{action}", reason="left us", **typed)
        event = audit_events(world.store)[-1]
        assert (event.actor, event.action, event.reason) == ("root-ann", wanted, "left us")
        assert "ann" in page.status
        assert console.side.access.sign_ins.actor(session, NOW) is None

    def test_what_the_form_shows_is_what_they_have(self, console: Console, world: World, admin: Browser) -> None:
        _add(console, world)
        form = admin.page(OF_ANN).form("/people/change")
        assert (form["change-role"], form["change-where"], form["change-at-main"]) == ("operator", "ticked", "yes")
        session = _add(console, world, "eve", Grant(Role.VIEWER))
        page = admin.act(f"{PAGE}?person=eve", "/people/change")
        assert page.status == "Nothing had to be changed."
        assert console.side.access.sign_ins.actor(session, NOW), "nothing was changed, so their session goes on"
        assert AuditAction.PERSON_CHANGED not in [each.action for each in audit_events(world.store)]
        admin.act(OF_ANN, "/people/change")
        assert console.side.access.people.person("ann").grant == Grant(Role.OPERATOR, frozenset({"main"}))

    def test_all_sites_are_not_given_where_some_are_named(self, console: Console, world: World, admin: Browser) -> None:
        _add(console, world)
        said = admin.refused(OF_ANN, "/people/change", **{"change-where": "all"}).alert
        assert said.startswith("Sites are named, but 'at all sites' is chosen.")
        typed = {"name": "bob", "add-role": "viewer", "add-where": "all", "add-at-main": "yes"}
        assert "Sites are named" in admin.refused(PAGE, "/people/add", **typed).alert
        assert [each.name for each in console.side.access.people.all()] == ["ann", "root-ann"]

    @pytest.mark.parametrize("name", ["root", "Engage", "servers"])
    def test_nobody_gets_a_name_that_the_log_has_for_others(self, admin: Browser, name: str) -> None:
        typed = {"name": name, "add-role": "viewer", "add-where": "all"}
        assert "cannot be a person's name" in admin.refused(PAGE, "/people/add", **typed).alert

    def test_a_reset_shows_a_link_once_and_unlocks(self, console: Console, world: World, admin: Browser) -> None:
        _add(console, world)
        admin.act(OF_ANN, "/people/lock")
        assert "Unlock, with a new link" in admin.page(OF_ANN).text
        assert not admin.page(OF_ANN).tree.xpath("//form[@action='/people/lock']")
        answer = admin.send(OF_ANN, "/people/reset")
        (secret,) = _links(answer)
        assert console.side.access.people.person("ann").state is PersonState.INVITED
        assert console.side.access.people.set_password(secret, PASSWORD, NOW).name == "ann"

    def test_who_was_changed_meanwhile_is_left_alone(self, console: Console, world: World, admin: Browser) -> None:
        _add(console, world)
        forms = {each: admin.page(OF_ANN).form(f"/people/{each}") for each in ("change", "reset", "lock", "remove")}
        console.side.access.people.change("ann", Grant(Role.APPROVER), world.occasion, may_be_last=False)
        for action, form in forms.items():
            answer = admin.post(f"/people/{action}", {**form, "confirm": "ann"})
            assert answer.status_code == 409
            assert "has changed since you opened the page" in Shown(answer).alert
        assert console.side.access.people.person("ann").grant == Grant(Role.APPROVER)

    def test_the_same_change_sent_twice_is_done_once(self, console: Console, world: World, admin: Browser) -> None:
        _add(console, world)
        typed = {**admin.page(OF_ANN).form("/people/change"), "change-role": "viewer"}
        assert admin.post("/people/change", typed).status_code == 303
        assert admin.post("/people/change", typed).status_code == 409

    @pytest.mark.parametrize("typed", ["", "Ann", "bob"])
    def test_nobody_is_removed_without_their_name(
        self, console: Console, world: World, admin: Browser, typed: str
    ) -> None:
        _add(console, world)
        page = admin.refused(OF_ANN, "/people/remove", confirm=typed)
        assert "The person's name was not typed, so nothing was done." in page.alert
        assert console.side.access.people.person("ann").name == "ann"

    @pytest.mark.parametrize("action", ["change", "reset", "lock", "remove"])
    def test_the_last_admin_stays(self, console: Console, admin: Browser, action: str) -> None:
        page = admin.refused(
            "/people?person=root-ann", f"/people/{action}", **{"change-role": "viewer", "confirm": "root-ann"}
        )
        assert "'root-ann' is the last admin who can sign in." in page.alert
        assert console.side.access.people.has_local_admin()

    def test_tokens_that_go_along_are_said_before(self, console: Console, world: World, admin: Browser) -> None:
        session = _add(console, world, grant=Grant(Role.ADMIN))
        actor = console.side.access.sign_ins.actor(session, NOW)
        assert actor is not None
        console.side.access.tokens.add("monitor", Grant(Role.VIEWER), 30, actor, replace(world.occasion, actor="ann"))
        assert "1 token of ann can be used: monitor." in admin.page(OF_ANN).text
        admin.act(OF_ANN, "/people/remove", confirm="ann")
        assert not console.side.access.tokens.all()[0].is_usable(NOW)

    def test_who_locks_themselves_is_out(self, console: Console, world: World, admin: Browser) -> None:
        _add(console, world, grant=Grant(Role.ADMIN))
        answer = admin.send("/people?person=root-ann", "/people/lock")
        assert answer.status_code == 303
        assert admin.get(answer.headers["Location"]).headers["Location"].startswith("/sign-in")

    def test_nobody_of_that_name(self, admin: Browser) -> None:
        assert "There is no person 'carl'" in admin.page("/people?person=carl", status=404).alert
        answer = admin.post("/people/lock", {**admin.page(PAGE).form("/people/add"), "person": "carl"})
        assert "There is no person 'carl'" in Shown(answer).alert


def test_an_admin_of_one_site_manages_nobody(world: World, console: Console) -> None:
    world.add_site("north", (Host("north.example.org"),))
    browser = console.person("eve", Role.ADMIN, ("north",))
    assert browser.get(PAGE).status_code == 403
    assert "/people" not in browser.page("/").tree.xpath("//nav//a/@href")
