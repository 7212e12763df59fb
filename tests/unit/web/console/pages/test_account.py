"""Account: who a visitor is, where else they are signed in, and their password."""

from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from engage_server.errors import Refused
from engage_server.records import AuditAction, Role
from engage_server.services.access.sign_ins import IDLE
from tests.support.chains import NOW
from tests.support.console import Browser, Console, Shown
from tests.support.stored import audit_events
from tests.support.world import World

PAGE, CHANGE, END = "/account", "/account/password", "/account/end-others"
OLD, NEW = "correct horse battery", "another horse battery"


@pytest.fixture
def ann(console: Console) -> Browser:
    """Who has a role at one site."""
    return console.person("ann", Role.OPERATOR, ("main",))


def _sign_in(console: Console, password: str = OLD, address: str = "198.51.100.7") -> str:
    return console.side.access.sign_ins.by_password("ann", password, address, console.now).secret


def _change(browser: Browser, old: str = OLD, new: str = NEW, again: str = NEW) -> TestResponse:
    return browser.send(PAGE, CHANGE, before=old, password=new, again=again)


def test_it_says_who_and_where_else(console: Console, ann: Browser) -> None:
    console.now = NOW + timedelta(minutes=3)
    _sign_in(console)
    page = ann.page(PAGE)
    assert "You are ann: operator at main." in page.text
    rows = page.rows()
    assert [row[2] for row in rows] == ["198.51.100.7", "127.0.0.1"]
    assert [("this session" in row[0]) for row in rows] == [False, True]
    assert page.tree.xpath("//header//nav"), "the console's frame"


def test_sessions_that_are_over_are_left_out(console: Console, ann: Browser) -> None:
    _sign_in(console)
    console.now = NOW + IDLE
    ann.page(PAGE)
    console.now = NOW + IDLE + timedelta(minutes=2)
    assert len(ann.page(PAGE).rows()) == 1


def test_the_others_end_and_this_one_stays(console: Console, ann: Browser) -> None:
    bob = console.person("bob", Role.VIEWER)
    other = _sign_in(console)
    answer = ann.send(PAGE, END)
    assert "Ended 1 other session." in answer.text
    assert console.side.access.sign_ins.actor(other, NOW) is None
    assert len(ann.page(PAGE).rows()) == 1
    assert bob.page(PAGE).rows(), "nobody else's"
    assert "No other session was open." in ann.send(PAGE, END).text


class TestPassword:
    """With the old one."""

    def test_it_is_changed_and_the_others_end(self, console: Console, world: World, ann: Browser) -> None:
        other = _sign_in(console)
        answer = _change(ann)
        assert answer.status_code == 303
        page = ann.page(answer.headers["Location"])
        assert "Set a password for ann." in page.status
        event = audit_events(world.store)[-1]
        assert (event.actor, event.action) == ("ann", AuditAction.PASSWORD_SET)
        assert NEW not in repr(event)
        assert console.side.access.sign_ins.actor(other, NOW) is None
        with pytest.raises(Refused, match="name or password is wrong"):
            _sign_in(console)
        assert _sign_in(console, NEW)

    @pytest.mark.parametrize(
        ("old", "new", "again", "told"),
        [
            ("wrong horse battery", NEW, NEW, "The old password is wrong"),
            (OLD, NEW, NEW + "x", "The two new passwords differ"),
            (OLD, "short", "short", "at least 12 are needed"),
            ("", NEW, NEW, "The old password is wrong"),
            (OLD, "", "", "at least 12 are needed"),
        ],
    )
    def test_a_refusal_shows_no_password(
        self, console: Console, ann: Browser, old: str, new: str, again: str, told: str
    ) -> None:
        answer = _change(ann, old, new, again)
        assert answer.status_code >= 400
        assert told in Shown(answer).alert
        for each in filter(None, (old, new, again)):
            assert each not in answer.text or each == "short"
        assert not Shown(answer).tree.xpath("//input[@type='password']/@value")
        assert _sign_in(console), "the old one is still good"

    def test_guessing_the_old_one_is_slow(self, console: Console, ann: Browser) -> None:
        """Also for who found a browser that was left open."""
        told = [Shown(_change(ann, "wrong horse battery")).alert for _ in range(6)]
        assert told[0].startswith("The old password is wrong")
        assert told[-1].startswith("Too many attempts")
        assert Shown(_change(ann)).alert.startswith("Too many attempts"), "even with the right one"
        console.now += timedelta(seconds=2)
        assert _change(ann).status_code == 303

    def test_a_link_of_before_ends(self, console: Console, world: World, ann: Browser) -> None:
        """Who had it could set another password."""
        people = console.side.access.people
        link = people._invite("ann", NOW)
        assert people.invited(link, NOW) is not None
        assert _change(ann).status_code == 303
        assert people.invited(link, NOW) is None

    def test_who_has_none_is_told(self, console: Console, world: World, ann: Browser) -> None:
        people = console.side.access.people
        store = world.store
        person = people.person("ann")
        assert store.set_password_hash("ann", person.password_hash, "")
        page = ann.page(PAGE)
        assert "you sign in at the OpenID provider" in page.text
        assert not page.tree.xpath(f"//form[@action='{CHANGE}']")


def test_who_guesses_the_old_password_is_told_when_to_try_again(ann: Browser) -> None:
    statuses = [_change(ann, old="wrong horse battery").status_code for _ in range(6)]
    early = _change(ann, old="wrong horse battery")
    assert (statuses[0], early.status_code) == (422, 429)
    assert int(early.headers["Retry-After"]) > 0
    assert "Retry-After" not in ann.get(PAGE).headers
