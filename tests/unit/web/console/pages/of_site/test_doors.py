"""Doors: found by name, place or number, filtered by links, added by forms, and taken along as CSV."""

from datetime import timedelta
from typing import Any

import pytest

from engage_server.records import AuditAction, AuditFilter, DeviceLabel, Host, Role
from tests.support.chains import NOW
from tests.support.console import Console
from tests.support.world import World, serial_of

HOSTILE = "<script>alert(1)</script>"


def _door(world: World, device: int, name: str = "", place: str = "") -> str:
    serial = serial_of(device)
    world.sites.add_device(serial, "main", world.occasion, DeviceLabel(name, place))
    return serial


def _newest(console: Console) -> Any:
    return console.side.audit.page(AuditFilter(), None, 1).items[0].event


@pytest.fixture
def doors(world: World) -> list[str]:
    """Four doors: one came through, one refuses, one was never seen, and one came with an earlier release."""
    found = [
        _door(world, 1, "North entrance", "Building 3"),
        _door(world, 2, "Cellar", "Building 9"),
        _door(world, 3, "Roof"),
        _door(world, 4),
    ]
    world.see(world.finished(1, 1, NOW), world.finished(2, 1, NOW), world.finished(4, 1, NOW))
    world.release()
    world.see(world.finished(1, 2, NOW + timedelta(hours=1)))
    return found


def test_each_door_is_shown_by_name_with_how_far_it_came(doors: list[str], console: Console) -> None:
    """The serial number stands behind the name."""
    page = console.person("ann", Role.VIEWER).page("/sites/main/doors")
    rows = page.rows()
    assert [row[0] for row in rows] == [
        f"North entrance {doors[0]}",
        f"Cellar {doors[1]}",
        f"Roof {doors[2]}",
        doors[3],
    ]
    assert [row[1] for row in rows] == ["Building 3", "Building 9", "", ""]
    assert [row[2] for row in rows] == ["finished TLS", "not yet", "never seen", "not yet"]
    assert f"/sites/main/doors/{doors[0]}" in page.links()
    assert "engage device list --site main" in page.text


def test_who_may_not_add_sees_no_form(doors: list[str], console: Console) -> None:
    """The page says who may."""
    page = console.person("ann", Role.VIEWER).page("/sites/main/doors")
    assert not page.tree.xpath("//main//form[@method='post']")
    assert "role operator" in page.text
    answer = console.person("bob", Role.VIEWER).post("/sites/main/doors/add", {"serial": serial_of(9)})
    assert answer.status_code == 403
    assert console.side.sites.site_of_device(serial_of(9)) is None


@pytest.mark.parametrize(
    ("search", "found"),
    [("north", ["North entrance"]), ("building 9", ["Cellar"]), ("A0B1", ["North", "Cellar", "Roof", "0000"])],
)
def test_a_search_finds_names_places_and_numbers(
    doors: list[str], console: Console, search: str, found: list[str]
) -> None:
    """What was searched for stands in the field again."""
    page = console.person("ann").page(f"/sites/main/doors?search={search}")
    rows = page.rows()
    assert len(rows) == len(found)
    assert all(any(row[0].startswith(each) for row in rows) for each in found)
    assert page.tree.xpath("//input[@name='search']/@value") == [search]


@pytest.mark.parametrize(
    ("show", "found"), [("missing", [1, 2, 3]), ("never-seen", [2]), ("troubled", []), ("all", [0, 1, 2, 3])]
)
def test_a_filter_is_a_link(doors: list[str], console: Console, show: str, found: list[int]) -> None:
    """The link that leads there is marked on the page."""
    browser = console.person("ann")
    first = browser.page("/sites/main/doors")
    path = "/sites/main/doors" if show == "all" else f"/sites/main/doors?show={show}"
    assert path in first.links()
    page = browser.page(path)
    rows = page.rows() if page.tree.xpath("//main//table") else []
    assert [doors[each] in row[0] for each, row in zip(found, rows, strict=True)] == [True] * len(found)
    assert page.tree.xpath("//main//a[@aria-current]/@href") == [path]


def test_doors_at_risk_are_those_of_tonight(world: World, console: Console) -> None:
    """The worst first, with why."""
    serial = _door(world, 1, "North entrance")
    for night in range(9):
        world.see(world.finished(1, 1, NOW - timedelta(days=30 - night)))
    page = console.person("ann", Role.VIEWER).page("/sites/main/doors?show=at-risk")
    (row,) = page.rows()
    assert row[0] == f"North entrance {serial}"
    assert row[2] == "release 1"
    assert "It is silent." in row[4]


def test_pages_follow_each_other(world: World, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each door is on exactly one of them."""
    monkeypatch.setattr("engage_server.web.console.pages.of_site.doors.IN_A_PAGE", 3)
    serials = [_door(world, number) for number in range(1, 8)]
    browser, path, found = console.person("ann"), "/sites/main/doors", list[str]()
    for _ in range(3):
        page = browser.page(path)
        found += [row[0] for row in page.rows()]
        path = next(iter(page.tree.xpath("//a[@rel='next']/@href")), "")
    assert path == ""
    assert found == serials


def test_a_rare_filter_looks_at_more_than_one_page_of_the_store(
    world: World, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the first page would be empty although there is such a door."""
    monkeypatch.setattr("engage_server.store.paging.device_pages.MOST_EXAMINED", 2)
    monkeypatch.setattr("engage_server.web.console.pages.of_site.doors.IN_A_PAGE", 1)
    for number in range(1, 9):
        _door(world, number)
    world.see(*(world.finished(number, 1, NOW) for number in range(1, 8)))
    page = console.person("ann").page("/sites/main/doors?show=missing")
    assert [row[0] for row in page.rows()] == [serial_of(8)]


def test_an_empty_site_says_what_to_do(console: Console) -> None:
    """There is no table then."""
    page = console.person("ann").page("/sites/main/doors")
    assert "No door was seen or added yet." in page.text
    assert "This site has no list of doors yet" in page.text
    assert not page.tree.xpath("//main//table")


def test_a_door_is_added_with_its_name(console: Console) -> None:
    """The page of the door follows, and says what was done."""
    browser = console.person("ann")
    page = browser.act(
        "/sites/main/doors",
        "/sites/main/doors/add",
        serial=serial_of(7).lower(),
        name="Gate",
        place="Yard",
        reason="a new door",
    )
    assert console.side.sites.site_of_device(serial_of(7)) == "main"
    event = _newest(console)
    assert (event.action, event.actor, event.site, event.reason) == (
        AuditAction.DEVICE_ADDED,
        "ann",
        "main",
        "a new door",
    )
    assert event.facts["name"] == "Gate"
    assert page.status.startswith("Done:")


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"serial": "12"}, "is not a serial number"),
        ({"serial": serial_of(7), "name": "x" * 81}, "81 characters"),
        ({"serial": serial_of(7), "name": "a\u202eb"}, "U+202E"),
        ({"serial": serial_of(7), "reason": "x" * 1001}, "1001 characters"),
    ],
)
def test_a_door_that_cannot_be_added_is_refused_with_what_was_typed(
    console: Console, typed: dict[str, str], why: str
) -> None:
    """Nothing is written."""
    page = console.person("ann").refused("/sites/main/doors", "/sites/main/doors/add", **typed)
    assert why in page.alert
    assert page.form("/sites/main/doors/add")["serial"] == typed["serial"]
    assert "/sites/main/doors?show=missing" in page.links()
    assert console.side.sites.site_of_device(serial_of(7)) is None


def test_a_door_of_another_site_is_refused_and_that_site_named_only_to_who_may_see_it(
    world: World, console: Console
) -> None:
    """A person of one site learns nothing of another one."""
    world.add_site("secret", (Host("secret.example.org"),))
    world.sites.add_device(serial_of(7), "secret", world.occasion)
    seen = [
        console.person(name, sites=sites).refused("/sites/main/doors", "/sites/main/doors/add", serial=serial_of(7))
        for name, sites in (("ann", None), ("bob", ("main",)))
    ]
    assert "secret" in seen[0].alert
    assert "A device belongs to another site" in seen[1].alert
    assert "secret" not in seen[1].answer.text


def test_a_door_that_has_a_name_is_not_renamed_by_adding_it(world: World, console: Console) -> None:
    """Somebody would overwrite what they have not seen."""
    serial = _door(world, 7, "Gate")
    browser = console.person("ann")
    page = browser.refused("/sites/main/doors", "/sites/main/doors/add", serial=serial, name="Fence")
    assert "has a name or a place already" in page.alert
    assert console.side.evidence.labels("main", [serial])[serial].name == "Gate"
    console.now += timedelta(minutes=1)
    page = browser.act("/sites/main/doors", "/sites/main/doors/add", serial=serial, name="Gate")
    assert page.status == "Nothing had to be changed."


def test_a_list_is_imported_as_a_spreadsheet_writes_it(console: Console) -> None:
    """With semicolons, in UTF-16."""
    content = f"serial;name;place\n{serial_of(1)};Nordtür;Haus 3\n{serial_of(2)};;\n".encode("utf-16")
    page = console.person("ann").act(
        "/sites/main/doors", "/sites/main/doors/import", file=content, reason="the new wing"
    )
    assert [row[:2] for row in page.rows()] == [[f"Nordtür {serial_of(1)}", "Haus 3"], [serial_of(2), ""]]
    event = _newest(console)
    assert (event.action, event.actor, event.reason) == (AuditAction.DEVICE_ADDED, "ann", "the new wing")
    assert event.facts == {"added": "2", "named": "1"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no file was chosen, or it is empty"),
        (b"\xff\x00\xfa", "is not text in UTF-8"),
        (b"serial;name\nnonsense;x\n", "no serial number on line 2"),
        (f"serial;name\n{serial_of(1)};{'x' * 99}\n".encode(), "line 2: the name has 99 characters"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_with_its_lines(console: Console, content: bytes, why: str) -> None:
    """Nothing of it is imported."""
    page = console.person("ann").refused("/sites/main/doors", "/sites/main/doors/import", file=content)
    assert why in page.alert.lower().replace("serial number", "serial number") or why in page.alert
    assert console.side.sites.site_of_device(serial_of(1)) is None


def test_a_list_of_too_many_lines_is_refused_before_it_is_read(console: Console) -> None:
    """It would take the others' time. The command line has its own process."""
    page = console.person("ann").refused("/sites/main/doors", "/sites/main/doors/import", file=b"zz\n" * 5001)
    assert "has more than 5,000 lines" in page.alert
    assert "engage device import FILE --site main" in page.alert


def test_the_list_is_taken_along_as_csv(world: World, console: Console) -> None:
    """No cell of it is calculated by a spreadsheet, and what is filtered out is not in it."""
    _door(world, 1, "=cmd|' /C calc'!A0", "+41")
    _door(world, 2, "Nordtür")
    browser = console.person("ann", Role.VIEWER)
    page = browser.page("/sites/main/doors?search=nord")
    assert "/sites/main/doors.csv?search=nord" in page.links()
    answer = browser.get("/sites/main/doors.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="doors-of-main.csv"'
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("device,site,grade")
    assert lines[1].startswith(serial_of(1))
    assert "'=cmd|" in lines[1]
    assert "'+41" in lines[1]
    assert len(browser.get("/sites/main/doors.csv?search=nord").data.splitlines()) == 2
    other = console.person("bob", Role.VIEWER, ("other",))
    assert other.get("/sites/main/doors.csv").status_code == 403


def test_a_name_is_shown_as_text(world: World, console: Console) -> None:
    """Whatever is in it."""
    _door(world, 1, HOSTILE)
    answer = console.person("ann").get("/sites/main/doors")
    assert HOSTILE not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_another_site_is_hidden(world: World, console: Console) -> None:
    """Its name is not said, either."""
    world.add_site("other", (Host("other.example.org"),))
    browser = console.person("ann", Role.OPERATOR, ("other",))
    assert browser.get("/sites/main/doors").status_code == 403
    assert browser.get("/sites/nowhere/doors").status_code == 403


def test_a_full_page_of_long_names_stays_small(world: World, console: Console) -> None:
    """With the longest names and places, and something wrong with each door."""
    labels = {serial_of(n): DeviceLabel(f"{n:03}" + "ü" * 77, "ö" * 120) for n in range(1, 121)}
    world.sites.add_list(list(labels), labels, "main", world.occasion)
    for night in range(3):
        world.see(*(world.finished(n, 1, NOW - timedelta(days=30 - night)) for n in range(1, 121)))
    answer = console.person("ann").get("/sites/main/doors")
    assert len(answer.data) < 100_000
    assert answer.text.count("It has not called for") > 50
