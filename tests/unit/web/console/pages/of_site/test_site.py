"""One site: its figures, what ends when, and what may be changed about it."""

from datetime import timedelta
from itertools import groupby

import pytest

from engage_server.records import (
    AuditAction,
    AuditFilter,
    DeviceLabel,
    Host,
    PathSays,
    Role,
    Sighting,
    SightingKind,
    WorkerStatus,
)
from engage_server.services.site_path.fold import fold
from engage_server.services.sites.register import SiteChanges
from tests.support.chains import HOSTS, NOW
from tests.support.console import Browser, Console, Shown
from tests.support.path_events import at, path_event, registered
from tests.support.world import World, address_of, serial_of

PAGE = "/sites/main"


@pytest.fixture
def admin(console: Console) -> Browser:
    """Who may change everything."""
    return console.person("ann", Role.ADMIN)


def _newest(world: World) -> tuple[AuditAction, str, str]:
    """Action, actor and reason of the newest entry."""
    (entry,) = world.store.audit_page(AuditFilter(), None, 1).items
    return entry.event.action, entry.event.actor, entry.event.reason


def _calls(world: World, device: int, host: str) -> None:
    """A door with a name that called this host."""
    world.sites.add_device(serial_of(device), "main", world.occasion, DeviceLabel(f"Door {device}"))
    at = NOW - timedelta(hours=3)
    where = address_of(device)
    world.see(Sighting(SightingKind.NOTICE, at, "http", where, serial_of(device), "main", 1, host=host))


def test_the_figures_come_first(world: World, console: Console) -> None:
    for device in (1, 2):
        world.sites.add_device(serial_of(device), "main", world.occasion)
    world.see(world.finished(1, 1, NOW))
    page = console.person("vic", Role.VIEWER).page(PAGE)
    numbers = [" ".join(each.text_content() for each in pair) for pair in page.tree.xpath("//dl[@class='figures']/div")]
    assert numbers[:3] == ["Doors 2", "Came through with release 1 1 of 2", "At risk tonight 1"]
    assert numbers[3].startswith("Next certificate to end: server in ")
    assert numbers[4].startswith("Next last safe day 20")
    assert "Bytes left in the chain 1,640" in numbers


def test_certificates_have_their_last_safe_day(console: Console) -> None:
    """The picture has the same figures as the table."""
    page = console.person("vic", Role.VIEWER).page(PAGE)
    drawn, listed = page.rows(0), page.rows(1)
    assert [row[0] for row in listed] == ["server", "intermediate", "root"]
    assert [(row[1], row[2], row[3]) for row in drawn] == [(row[2], row[3], row[4]) for row in listed]


def test_a_site_without_a_release_says_what_to_do(world: World, console: Console) -> None:
    """Three steps, and no empty picture."""
    world.add_site("new", (Host("new.example.org"),))
    page = console.person("vic", Role.VIEWER).page("/sites/new")
    assert "engage chain build certs/new --host new.example.org" in page.text
    assert "/sites/new/releases#stage" in page.links()
    assert not page.tree.xpath("//main//figure")
    assert console.person("wim", Role.VIEWER).get("/sites/new/last-safe-days.ics").status_code == 404


def test_a_staged_release_is_the_next_step(world: World, console: Console) -> None:
    world.add_site("new", (Host("new.example.org"),))
    world.release("new", activate=False)
    assert "/sites/new/releases/1" in console.person("vic", Role.VIEWER).page("/sites/new").links()


def test_workers_that_serve_it_are_counted(world: World, console: Console) -> None:
    assert "No worker serves devices." in console.person("vic", Role.VIEWER).page(PAGE).text
    for number, served in ((1, 1), (2, 9)):
        world.store.heartbeat(WorkerStatus(f"host:{number}", "host", number, "https", 1, {"main": served}, {}))
    page = console.person("wim", Role.VIEWER).page(PAGE)
    assert "1 of 2 workers serve release 1." in page.text
    assert "host:2 serves release 9" in page.text


def test_doors_that_refuse_what_is_served_are_named(world: World, console: Console) -> None:
    world.sites.add_device(serial_of(1), "main", world.occasion, DeviceLabel("North entrance"))
    world.see(world.finished(1, 1, NOW - timedelta(hours=3)))
    world.release()
    page = console.person("vic", Role.VIEWER).page(PAGE)
    assert "1 door would refuse release 2, such as North entrance" in page.text


def test_a_host_that_the_site_does_not_have_is_told(world: World, console: Console) -> None:
    world.see(world.finished(1, 1, NOW - timedelta(hours=9)))
    world.release()
    _calls(world, 1, "old.example.org")
    page = console.person("vic", Role.VIEWER).page(PAGE)
    assert "old.example.org is no host of this site. 1 door called it within 30 days." in page.text


def test_the_path_to_the_site_is_told_where_a_link_says_it(world: World, console: Console) -> None:
    viewer = console.person("vic", Role.VIEWER)
    assert "The path to the site" not in viewer.page(PAGE).text
    told = [
        path_event(PathSays.CUT, 3, kind="sim_suspended", thing="8931440000000000001"),
        path_event(PathSays.NOTHING, 4, kind="of_a_later_partner"),
    ]
    world.store.add_path_events([registered(), *told])
    world.store.fold_path_events(fold, 100)
    page = viewer.page(PAGE)
    assert "The path to the site is cut." in page.text
    tables = [page.rows(place) for place in range(len(page.tree.xpath("//main//table")))]
    (row,) = [row for rows in tables for row in rows if row[0] == "sim"]
    assert row == ["sim", "kpn", f"cut: its SIM is suspended since {at(3):%Y-%m-%d %H:%M} UTC (link sim)."]
    assert f"{at(4):%Y-%m-%d %H:%M} UTC, sim: of_a_later_partner." in page.text
    assert f"{at(3):%Y-%m-%d %H:%M} UTC, sim: the SIM is suspended (8931440000000000001)." in page.text
    assert "sim: the link was registered." in page.text


def test_how_the_doors_came_through_is_drawn(world: World, console: Console) -> None:
    """The last row is the night that is still going on. No limit is drawn: no gate judges any more."""
    for hours in (30, 3):
        world.see(*(world.finished(door, 1, NOW - timedelta(hours=hours)) for door in (1, 2)))
    world.see(world.finished(1, 1, NOW + timedelta(minutes=10)), world.finished(2, 1, NOW + timedelta(hours=26)))
    viewer = console.person("vic", Role.VIEWER)
    console.now = NOW + timedelta(hours=30)
    page = console.again(viewer, "vic").page(PAGE)
    assert f"2 doors called well before {NOW:%Y-%m-%d}, when release 1 was served." in page.text
    (table,) = (each for each in page.tree.xpath("//figure//table") if "came through" in each.text_content())
    rows = [[cell.text_content() for cell in row][1:3] for row in table.xpath(".//tbody/tr")]
    assert [counts for counts, _ in groupby(rows)] == [["1", "2"], ["2", "2"]]


def test_no_picture_has_the_same_bar_each_night(world: World, console: Console) -> None:
    for hours in (30, 3):
        world.see(world.finished(1, 1, NOW - timedelta(hours=hours)))
    world.see(world.finished(1, 1, NOW + timedelta(minutes=10)))
    viewer = console.person("vic", Role.VIEWER)
    console.now = NOW + timedelta(days=3)
    page = console.again(viewer, "vic").page(PAGE)
    assert "1 of them had come through" in page.text
    assert not [each for each in page.tree.xpath("//figure//table") if "came through" in each.text_content()]


def test_the_calendar_is_a_file(console: Console) -> None:
    answer = console.person("vic", Role.VIEWER).get(f"{PAGE}/last-safe-days.ics")
    assert answer.content_type == "text/calendar; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="last-safe-days-main.ics"'
    assert answer.text.startswith("BEGIN:VCALENDAR\r\n")


def test_title_and_zone_are_changed(world: World, admin: Browser) -> None:
    page = admin.act(PAGE, f"{PAGE}/title", title="Depot Nord", time_zone="europe/berlin", reason="as on the sign")
    assert page.status.startswith("Done:")
    assert world.store.site("main").title == "Depot Nord"
    assert world.store.site("main").time_zone == "Europe/Berlin"
    assert _newest(world) == (AuditAction.SITE_CHANGED, "ann", "as on the sign")
    assert "Times are Europe/Berlin." in page.tree.text_content()


def test_a_zone_that_does_not_exist_is_refused_and_kept(world: World, admin: Browser) -> None:
    page = admin.refused(PAGE, f"{PAGE}/title", time_zone="Europe/Berlni", title="Depot")
    assert "Did you mean Europe/Berlin" in page.alert
    assert page.form(f"{PAGE}/title")["title"] == "Depot"
    assert world.store.site("main").title == ""


def test_a_host_is_added_and_the_page_says_that_a_renewal_is_due(world: World, admin: Browser) -> None:
    hosts = "\n".join([*map(str, HOSTS), "new.example.org"])
    page = admin.act(PAGE, f"{PAGE}/hosts", hosts=hosts)
    assert world.store.site("main").hosts == (*HOSTS, Host("new.example.org"))
    assert "The certificate is not for new.example.org." in page.text


def test_a_host_that_doors_call_needs_the_name_of_the_site(world: World, admin: Browser) -> None:
    """The page and the refusal name the doors."""
    _calls(world, 1, HOSTS[1].text)
    assert "Door 1" in admin.page(PAGE).text
    wanted = {"hosts": "\n".join(host.text for host in HOSTS if host != HOSTS[1])}
    assert "Door 1" in admin.refused(PAGE, f"{PAGE}/hosts", **wanted).alert
    wrong = admin.refused(PAGE, f"{PAGE}/hosts", **wanted, confirm="other")
    assert "type: main" in wrong.alert
    assert world.store.site("main").hosts == HOSTS
    admin.act(PAGE, f"{PAGE}/hosts", **wanted, confirm="main", reason="old address")
    assert HOSTS[1] not in world.store.site("main").hosts
    assert _newest(world) == (AuditAction.SITE_CHANGED, "ann", "old address")


def test_a_host_that_nobody_calls_needs_no_name(world: World, admin: Browser) -> None:
    admin.act(PAGE, f"{PAGE}/hosts", hosts=HOSTS[0].text)
    assert world.store.site("main").hosts == HOSTS[:1]


@pytest.mark.parametrize("hosts", ["", "https://x/", "a..b"])
def test_hosts_that_cannot_be_are_refused(world: World, admin: Browser, hosts: str) -> None:
    page = admin.refused(PAGE, f"{PAGE}/hosts", hosts=hosts)
    assert page.alert
    assert world.store.site("main").hosts == HOSTS


def test_a_host_of_another_site_is_refused(world: World, admin: Browser) -> None:
    world.add_site("other", (Host("other.example.org"),))
    assert "other.example.org" in admin.refused(PAGE, f"{PAGE}/hosts", hosts="other.example.org").alert


def test_a_second_person_is_needed_from_now_on_and_no_form_ends_that(world: World, admin: Browser) -> None:
    """One stolen session could otherwise approve what it starts."""
    fields = admin.page(PAGE).form(f"{PAGE}/approvals")
    assert "type: main" in admin.refused(PAGE, f"{PAGE}/approvals").alert
    page = admin.act(PAGE, f"{PAGE}/approvals", confirm="main", reason="two keys")
    assert world.store.site("main").approvals == 1
    assert _newest(world) == (AuditAction.SITE_CHANGED, "ann", "two keys")
    assert "engage site change main --approvals 0" in page.text
    assert not page.tree.xpath(f"//form[@action='{PAGE}/approvals']")
    version = page.form(f"{PAGE}/title")["version"]
    admin.post(f"{PAGE}/approvals", {**fields, "version": version, "approvals": "0", "confirm": "main"})
    assert world.store.site("main").approvals == 1


@pytest.mark.parametrize(
    ("form", "typed"),
    [
        ("title", {"title": "B"}),
        ("hosts", {"hosts": "b.example.org"}),
        ("approvals", {"confirm": "main"}),
    ],
)
def test_nobody_changes_what_they_have_not_seen(world: World, admin: Browser, form: str, typed: dict[str, str]) -> None:
    """Somebody else changed the site after the page was opened."""
    fields = admin.page(PAGE).form(f"{PAGE}/{form}")
    world.sites.change(world.store.site("main"), SiteChanges(title="A"), "", world.occasion)
    answer = admin.post(f"{PAGE}/{form}", {**fields, **typed})
    assert answer.status_code == 409
    assert "has changed since you opened the page" in Shown(answer).alert
    assert world.store.site("main").title == "A"


def test_who_may_not_change_it_sees_who_may(console: Console) -> None:
    page = console.person("otto", Role.OPERATOR).page(PAGE)
    assert "Changing the site needs the role admin." in page.text
    assert not page.tree.xpath("//main//form")


def test_hostile_words_are_words(world: World, admin: Browser) -> None:
    _calls(world, 1, HOSTS[0].text)
    label = DeviceLabel("<script>alert(1)</script>", "=cmd|' /C calc'!A0")
    world.sites.add_device(serial_of(1), "main", world.occasion, label)
    admin.act(PAGE, f"{PAGE}/title", title="<script>alert(2)</script>")
    text = admin.get(PAGE).text
    assert "<script>" not in text
    assert "&lt;script&gt;alert(2)" in text


def test_kept_figures_say_how_old_they_are(world: World, console: Console) -> None:
    """A site of a million doors is not counted for each look. What serves it is looked up each time."""
    console.count_slowly()
    viewer = console.person("vic", Role.VIEWER)
    assert "Doors were counted" not in viewer.page(PAGE).text
    world.store.heartbeat(WorkerStatus("host:1", "host", 1, "https", 1, {"main": 9}, {}))
    console.now = NOW + timedelta(minutes=5)
    text = viewer.page(PAGE).text
    assert "Doors were counted 5 minutes ago." in text
    assert "0 of 1 worker serves release 1." in text
