"""One door: its nights, what it holds, what it did, its files, and the forms that change it."""

from datetime import timedelta
from typing import Any

import pytest

from engage_server.protocol.json_body import write_json
from engage_server.records import AuditAction, AuditFilter, DeviceLabel, Host, Role, Sighting, SightingKind
from engage_server.services.device_files.fault_journal import CallFault
from tests.support.chains import NOW
from tests.support.console import Console
from tests.support.world import World, serial_of

SERIAL = serial_of(1)
PATH = f"/sites/main/doors/{SERIAL}"
DATABASE = {"db": {"usrRcrd": {"deleteAll": 1, "delete": [], "update": [], "add": []}, "schedules": [{}]}}


def _newest(console: Console) -> Any:
    return console.side.audit.page(AuditFilter(), None, 1).items[0].event


@pytest.fixture
def door(world: World, console: Console) -> str:
    """A door that came through on two nights, and asked for the notice in between."""
    world.sites.add_device(SERIAL, "main", world.occasion, DeviceLabel("North entrance", "Building 3"))
    world.see(
        world.finished(1, 1, NOW - timedelta(days=2)),
        Sighting(
            SightingKind.NOTICE, NOW - timedelta(days=1), "http", "192.0.2.1", SERIAL, "main", 1, host="a.example"
        ),
        world.finished(1, 1, NOW - timedelta(hours=1)),
    )
    console.now = NOW
    return SERIAL


def test_a_door_is_shown_with_its_nights_and_what_it_did(door: str, console: Console) -> None:
    """Everything that the picture shows stands in a table, too."""
    page = console.person("ann", Role.VIEWER).page(PATH)
    assert page.tree.xpath("string(//h1)") == "North entrance"
    assert f"Building 3. Serial number {door}" in page.text
    assert "Nothing seems to be wrong with it." in page.text
    nights = page.rows()
    assert len(nights) == 30
    assert sum("came through by TLS" in row[1] for row in nights) == 2
    assert "called, but did not finish TLS" in nights[-2][1]
    assert page.tree.xpath("count(//figure//*[name()='svg'])") == 1
    lines = [" ".join(each.text_content().split()) for each in page.tree.xpath("//ol[@class='timeline']/li")]
    assert len(lines) == 3
    folded = [" ".join(each.text_content().split()) for each in page.tree.xpath("//details[ol]/summary")]
    assert [each.partition(": ")[2] for each in folded] == [
        "came through by TLS (1 line)",
        "called, but did not finish TLS (1 line)",
        "came through by TLS (1 line)",
    ]
    assert lines[0].endswith("Came through by TLS with release 1 from 192.0.2.1.")
    assert lines[1].endswith("Asked for the notice by plain HTTP from 192.0.2.1, and got that of release 1.")
    assert f"engage device show {door}" in page.text


def test_it_says_which_anchor_the_door_holds_and_whether_it_accepts_what_is_served(
    door: str, world: World, console: Console
) -> None:
    """A release under another root is refused once."""
    assert "It holds the anchor of release 1" in console.person("ann", Role.VIEWER).page(PATH).text
    world.release()
    text = console.person("bob", Role.VIEWER).page(PATH).text
    assert "Release 2 is served now: It refuses the chain." in text


def test_a_door_in_trouble_says_what_to_do(world: World, console: Console) -> None:
    """The cause first."""
    world.sites.add_device(SERIAL, "main", world.occasion)
    for night in range(9):
        world.see(world.finished(1, 1, NOW - timedelta(days=30 - night)))
    page = console.person("ann", Role.VIEWER).page(PATH)
    assert "It has not called for 22 days" in page.text
    assert "Check its battery and WiFi." in page.text


def test_a_door_that_was_never_seen_and_one_that_sends_no_number(world: World, console: Console) -> None:
    """Each says what is not known."""
    world.sites.add_device(SERIAL, "main", world.occasion)
    world.see(Sighting(SightingKind.NOTICE, NOW, "http", "192.0.2.9", None, "main", 1))
    browser = console.person("ann")
    assert "It was never seen." in browser.page(PATH).text
    page = browser.page("/sites/main/doors/192.0.2.9")
    assert "Address 192.0.2.9" in page.text
    assert "It sends no serial number" in page.text
    assert not page.tree.xpath("//form[contains(@action, 'remove')]")
    browser.page(f"/sites/main/doors/{serial_of(5)}", 404)
    browser.page("/sites/main/doors/192.0.2.77", 404)


def test_a_viewer_sees_no_form_and_no_files(door: str, world: World, console: Console) -> None:
    """Files say who may open which door."""
    folder = world.folder / "data" / "main" / door
    folder.mkdir(parents=True)
    (folder / "database.json").write_bytes(write_json(DATABASE | {"nxtDbVerTS": "0x00000000000000AB"}))
    page = console.person("ann", Role.VIEWER).page(PATH)
    assert "database.json" not in page.text
    assert "People with the role operator see them." in page.text
    assert not page.tree.xpath("//main//form")
    for name in ("name", "forget", "remove", "database"):
        assert console.person(f"v{name}", Role.VIEWER).post(f"{PATH}/{name}", {}).status_code == 403


def test_an_operator_sees_its_files_and_why_its_calls_were_not_answered(
    door: str, world: World, console: Console
) -> None:
    """What it reported stands there as sentences. A damaged file is said, and does not hide the page."""
    files = world.folder / "data" / "main" / door
    files.mkdir(parents=True)
    (files / "database.json").write_bytes(write_json(DATABASE))
    (world.folder / "data" / "spool").mkdir()
    console.side.call_faults.record("main", CallFault(NOW, door, "its database cannot be read"))
    browser = console.person("ann")
    page = browser.page(PATH)
    assert any(row[0] == "database.json" for row in page.rows(2))
    assert "Its database cannot be read." in page.text
    assert f"/api/v1/sites/main/devices/{door}/uploads" in page.links()
    (files / "audits.json").write_text("{}")
    assert "damaged on this host" in browser.page(PATH).text


def test_a_door_is_renamed(door: str, console: Console) -> None:
    """With a reason, by this person."""
    browser = console.person("ann")
    page = browser.act(PATH, f"{PATH}/name", name="South entrance", place="", reason="a new sign")
    assert page.tree.xpath("string(//h1)") == "South entrance"
    event = _newest(console)
    assert (event.action, event.actor, event.reason) == (AuditAction.DEVICE_NAMED, "ann", "a new sign")
    assert page.status.startswith("Done:")


def test_a_door_that_was_renamed_meanwhile_is_not_renamed_over(door: str, world: World, console: Console) -> None:
    """The page shows what was typed, and the new name."""
    browser = console.person("ann")
    form = browser.page(PATH).form(f"{PATH}/name")
    console.side.naming.name(door, "main", "West entrance", None, world.occasion)
    answer = browser.post(f"{PATH}/name", {**form, "name": "South entrance"})
    assert answer.status_code == 409
    assert "South entrance" in answer.text
    assert console.side.evidence.labels("main", [door])[door].name == "West entrance"


@pytest.mark.parametrize(("typed", "why"), [({"name": "x" * 81}, "81"), ({"name": "a\u202eb"}, "202E")])
def test_a_name_that_cannot_be_kept_is_refused(door: str, console: Console, typed: dict[str, str], why: str) -> None:
    """The old one stays."""
    page = console.person("ann").refused(PATH, f"{PATH}/name", **typed)
    assert why in page.alert
    assert page.tree.xpath("string(//h1)") == "North entrance"


def test_a_door_by_address_is_renamed_and_forgotten(world: World, console: Console) -> None:
    """Then it is gone from the list, which says so."""
    world.see(Sighting(SightingKind.NOTICE, NOW, "http", "192.0.2.9", None, "main", 1))
    browser, path = console.person("ann"), "/sites/main/doors/192.0.2.9"
    page = browser.act(path, f"{path}/name", name="Old reader")
    assert page.tree.xpath("string(//h1)") == "Old reader"
    page = browser.act(path, f"{path}/forget", reason="a port scan")
    assert page.tree.xpath("string(//h1)") == "Doors"
    assert _newest(console).action is AuditAction.DEVICE_FORGOTTEN
    browser.page(path, 404)


def test_the_evidence_is_forgotten_and_the_door_stays_on_the_list(door: str, console: Console) -> None:
    """The same form, sent again, is refused: there is nothing more to forget."""
    browser = console.person("ann")
    form = browser.page(PATH).form(f"{PATH}/forget")
    page = browser.act(PATH, f"{PATH}/forget", reason="replaced")
    assert "It was never seen." in page.text
    event = _newest(console)
    assert (event.action, event.reason) == (AuditAction.DEVICE_FORGOTTEN, "replaced")
    assert browser.post(f"{PATH}/forget", form).status_code == 404


def test_a_door_is_removed_only_when_its_number_is_typed(door: str, console: Console) -> None:
    """With its evidence and its name."""
    browser = console.person("ann")
    page = browser.refused(PATH, f"{PATH}/remove", confirm="main", reason="gone")
    assert "the serial number was not typed" in page.alert.lower()
    assert console.side.sites.site_of_device(door) == "main"
    page = browser.act(PATH, f"{PATH}/remove", confirm=door, reason="gone")
    assert page.tree.xpath("string(//h1)") == "Doors"
    assert console.side.sites.site_of_device(door) is None
    event = _newest(console)
    assert (event.action, event.actor, event.reason) == (AuditAction.DEVICE_REMOVED, "ann", "gone")
    browser.page(PATH, 404)


def test_a_database_is_put_once(door: str, console: Console) -> None:
    """The same form, sent again, is refused: somebody may have put another one. So is an older one."""
    browser = console.person("ann")
    form = browser.page(PATH).form(f"{PATH}/database")
    content = write_json(DATABASE | {"nxtDbVerTS": "0x00000000000000AB"})
    page = browser.act(PATH, f"{PATH}/database", file=content, reason="new cards")
    assert page.rows(2)[0][0] == "database.json"
    assert _newest(console).reason == "new cards"
    assert browser.post(f"{PATH}/database", {**form, "file": content}).status_code == 409
    older = write_json(DATABASE | {"nxtDbVerTS": "0x00000000000000AA"})
    assert "is not newer" in browser.refused(PATH, f"{PATH}/database", file=older).alert
    assert "no file was chosen" in browser.refused(PATH, f"{PATH}/database", file=b"").alert.lower()


def test_what_others_wrote_is_shown_as_text(world: World, console: Console) -> None:
    """The door's name, and what a handshake failed with."""
    world.sites.add_device(SERIAL, "main", world.occasion, DeviceLabel("<script>alert(1)</script>"))
    bad = Sighting(
        SightingKind.HANDSHAKE_FAILED, NOW, "https", "192.0.2.1", SERIAL, "main", 1, failure="<img src=x onerror=1>"
    )
    world.see(bad)
    answer = console.person("ann").get(PATH)
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text


def test_another_site_is_hidden(door: str, world: World, console: Console) -> None:
    """Who has no role there gets 403, and a door of it is not found below another site."""
    world.add_site("other", (Host("other.example.org"),))
    browser = console.person("ann", Role.OPERATOR, ("other",))
    assert browser.get(PATH).status_code == 403
    assert browser.get(f"/sites/other/doors/{door}").status_code == 404


def test_only_the_newest_nights_are_not_folded_away(world: World, console: Console) -> None:
    """The forms below stay within reach, and the top has a link to them."""
    world.sites.add_device(SERIAL, "main", world.occasion)
    world.see(*(world.finished(1, 1, NOW - timedelta(days=day, hours=1)) for day in range(5)))
    console.now = NOW
    page = console.person("ann", Role.OPERATOR).page(PATH)
    assert [each.text for each in page.tree.xpath("//details[details/ol]/summary")] == ["2 earlier nights"]
    assert page.tree.xpath("count(//details/details[ol])") == 2
    assert "#change" in page.links()
    assert page.tree.xpath("count(//h2[@id='change'])") == 1
