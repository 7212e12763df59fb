"""Audit log: what people did, and whether anybody changed it since."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from engage_server.records import AuditAction, Host, Role
from engage_server.services.sites.register import SiteChanges
from engage_server.store.tables import audit_events
from tests.support.chains import NOW
from tests.support.console import Console
from tests.support.world import World, serial_of

PAGE, VERIFY = "/audit-log", "/audit-log/verify"


def _retitle(world: World, title: str, reason: str = "a new owner") -> None:
    world.sites.change(world.sites.get("main"), SiteChanges(title=title), reason, world.occasion)


def test_each_entry_says_who_did_what_and_why_newest_first(world: World, console: Console) -> None:
    _retitle(world, "Depot")
    newest = world.store.audit_head().number
    page = console.person("ann", Role.VIEWER).page(f"{PAGE}?before={newest + 1}")
    number, when, what = page.rows()[0]
    assert number == str(newest)
    assert when == f"{NOW:%Y-%m-%d %H:%M} UTC"
    assert what.startswith("tester changed the title of main. Reason: a new owner")
    assert "titleDepot, before: nothing" in what
    assert [int(row[0]) for row in page.rows()] == list(range(newest, 0, -1))
    assert "engage audit show" in page.text


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("site=main", lambda entry: entry["site"] == "main"),
        ("site=-", lambda entry: entry["site"] == ""),
        ("actor=ann", lambda entry: entry["actor"] == "ann"),
        ("action=release:staged", lambda entry: entry["action"] == "release:staged"),
        ("since=2000-01-01", lambda entry: True),
        ("until=2000-01-01", lambda entry: False),
        ("before=3", lambda entry: entry["number"] < 3),
    ],
)
def test_each_filter_leaves_out_the_others(world: World, console: Console, query: str, kept: object) -> None:
    browser = console.person("ann", Role.VIEWER)
    rows = browser.page(f"{PAGE}?{query}").rows() if not query.startswith("until") else []
    assert callable(kept)
    wanted = [
        str(entry.number)
        for entry in console.side.audit.entries()
        if kept(
            {
                "site": entry.event.site,
                "actor": entry.event.actor,
                "action": entry.event.action.value,
                "number": entry.number,
            }
        )
    ]
    assert [row[0] for row in rows] == wanted[::-1]


def test_the_last_day_counts(world: World, console: Console) -> None:
    browser = console.person("ann", Role.VIEWER)
    day = f"{NOW:%Y-%m-%d}"
    assert browser.page(f"{PAGE}?since={day}&until={day}").rows()
    assert browser.page(f"{PAGE}?until={NOW - timedelta(days=1):%Y-%m-%d}").text.count("No entry fits")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("since=yesterday", "'yesterday' is no day"),
        ("until=0001-01-01", "is no day"),
        ("before=0", "is no number of an entry"),
        ("before=<script>", "is no number of an entry"),
        ("action=sold", "knows no action 'sold'"),
        ("cursor=x", "cursor"),
    ],
)
def test_a_filter_that_cannot_be_read_says_so(console: Console, query: str, told: str) -> None:
    page = console.person("ann", Role.VIEWER).page(f"{PAGE}?{query}", status=400)
    assert told in page.alert
    assert "<script>" not in page.answer.text


def test_a_long_log_has_pages(world: World, console: Console) -> None:
    for number in range(60):
        _retitle(world, f"Depot {number}")
    browser = console.person("ann", Role.VIEWER)
    first = browser.page(f"{PAGE}?site=main")
    (link,) = [each for each in first.links() if "cursor=" in each]
    second = browser.page(link)
    numbers = [int(row[0]) for page in (first, second) for row in page.rows()]
    assert len(first.rows()) == 50
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(first.answer.data) < 100_000


def test_who_may_see_some_sites_sees_only_their_entries(world: World, console: Console) -> None:
    world.add_site("north", (Host("north.example.org"),))
    browser = console.person("ann", Role.VIEWER, ("north",))
    page = browser.page(PAGE)
    (row,) = page.rows()
    assert row[2].startswith("tester added the site north")
    assert "main" not in page.text
    assert page.tree.xpath("//select[@name='site']/option/text()") == ["north"]
    assert not page.tree.xpath(f"//form[@action='{VERIFY}']"), "the whole log is not theirs"
    for other in ("main", "-", "gone"):
        assert "has no role at" in browser.page(f"{PAGE}?site={other}", status=403).alert
    assert browser.post(VERIFY, {}).status_code == 403


def test_a_link_to_an_entry_leads_to_its_site(world: World, console: Console) -> None:
    """Who has two sites sees the entry that the page before spoke of, whichever of them it is about."""
    world.add_site("north", (Host("north.example.org"),))
    number = world.store.audit_head().number
    page = console.person("ann", Role.VIEWER, ("main", "north")).page(f"{PAGE}?before={number + 1}")
    assert page.rows()[0][0] == str(number)


def test_only_admins_see_where_people_signed_in(console: Console) -> None:
    for role, is_shown in ((Role.ADMIN, True), (Role.APPROVER, False)):
        page = console.person(role.value, role).page(f"{PAGE}?action=person:signed-in")
        assert ("127.0.0.1" in page.text) is is_shown


def test_a_hostile_name_is_only_text(world: World, console: Console) -> None:
    _retitle(world, "</td><script>alert(1)</script>", "=cmd|' /C calc'!A0")
    page = console.person("ann", Role.VIEWER).page(PAGE)
    assert "<script>alert" not in page.answer.text
    assert "</td><script>alert(1)</script>" in page.text


class TestVerifying:
    """The form that reads the whole log."""

    def test_a_whole_log_is_whole(self, console: Console) -> None:
        browser = console.person("ann", Role.VIEWER)
        answer = browser.send(PAGE, VERIFY)
        assert answer.status_code == 200
        assert "each as it was written, none missing. Reading them took" in answer.text
        assert answer.headers["Cache-Control"] == "no-store"

    def test_a_changed_entry_is_found(self, world: World, console: Console) -> None:
        browser = console.person("ann", Role.VIEWER)
        with world.store._engine.begin() as connection:
            connection.execute(update(audit_events).where(audit_events.c.id == 1).values(actor="nobody"))
        answer = browser.send(PAGE, VERIFY)
        assert "The audit log is not as it was written." in answer.text

    def test_the_entry_that_was_noted_down_is_compared(self, console: Console) -> None:
        browser = console.person("ann", Role.VIEWER)
        (head,) = browser.page(PAGE).tree.xpath("//pre[@class='head']/text()")
        assert head == str(console.side.audit.head())
        assert "is still there" in browser.send(PAGE, VERIFY, expect=f" {head} ").text
        number, _, digits = head.partition(":")
        other = f"{number}:{'0' * len(digits)}"
        assert "is not the one that you recorded" in browser.send(PAGE, VERIFY, expect=other).text

    @pytest.mark.parametrize("text", ["41", f"{'9' * 5000}:{'a' * 16}", f"\u0663:{'a' * 16}"], ids=range(3))
    def test_what_is_no_entry_is_refused_with_what_was_typed(self, console: Console, text: str) -> None:
        page = console.person("ann", Role.VIEWER).refused(PAGE, VERIFY, expect=text)
        assert "is not NUMBER:HASH" in page.alert
        assert page.form(VERIFY)["expect"] == text

    def test_it_is_read_for_one_at_a_time(self, console: Console) -> None:
        browser = console.person("ann", Role.VIEWER)
        assert console.side.audit._verifying.acquire(blocking=False)
        assert "is being verified for somebody else" in browser.refused(PAGE, VERIFY).alert
        console.side.audit._verifying.release()
        assert browser.send(PAGE, VERIFY).status_code == 200

    def test_how_long_it_took_is_said(self, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
        browser = console.person("ann", Role.VIEWER)
        verify = console.side.audit.verify

        def slowly(expected: str | None = None) -> object:
            console.now += timedelta(seconds=2.5)
            return verify(expected)

        monkeypatch.setattr(console.side.audit, "verify", slowly)
        assert "took 2.5 seconds" in browser.send(PAGE, VERIFY).text


def test_every_action_can_be_asked_for(console: Console) -> None:
    page = console.person("ann", Role.VIEWER).page(PAGE)
    values = page.tree.xpath("//select[@name='action']//option/@value")
    assert values[0] == ""
    assert sorted(values[1:]) == sorted(each.value for each in AuditAction)
    assert page.tree.xpath("//select[@name='action']/optgroup/@label")
    assert serial_of(1) not in page.text
