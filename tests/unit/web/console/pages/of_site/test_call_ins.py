"""Call-ins: what waits on this host, what was refused, and the forms for it."""

from pathlib import Path
from typing import Any

import pytest

from engage_server.protocol.json_body import write_json
from engage_server.records import (
    AuditAction,
    AuditFilter,
    CallIn,
    CallInWay,
    DeviceLabel,
    Host,
    Role,
    UnknownDevices,
    Upstream,
)
from engage_server.services.call_in.delivering.upload_spool import Upload
from engage_server.services.device_files.fault_journal import NO_DEVICE, CallFault
from tests.support.chains import NOW
from tests.support.console import Console
from tests.support.world import World, serial_of

PATH = "/sites/main/call-ins"
UPSTREAM = CallIn(CallInWay.UPSTREAM, False, UnknownDevices.ENROLL, Upstream("https://access.example.org/engage"))
TOKEN = "canary-of-a-device"


def _upload(console: Console, device: int, body: bytes = b"{}") -> None:
    upload = Upload("audit", "/engage/audit", body, "application/json", f"Bearer {TOKEN}", "192.0.2.1", NOW)
    console.side.uploads.append("main", serial_of(device), upload)


def _newest(console: Console) -> Any:
    return console.side.audit.page(AuditFilter(), None, 1).items[0].event


@pytest.fixture
def refused(world: World, console: Console) -> list[str]:
    """A site with an upstream system that refused the uploads of two doors. One of a third waits."""
    world.answer_call_ins(UPSTREAM)
    (world.folder / "data" / "spool").mkdir(parents=True)
    names = []
    for device in (1, 2):
        _upload(console, device)
    for pending in console.side.uploads.pending("main").values():
        names.append(console.side.uploads.reject(pending[0], 422).name)
    _upload(console, 3)
    return sorted(names)


def test_it_says_how_the_site_answers_what_waits_and_what_was_refused(refused: list[str], console: Console) -> None:
    """No token of a device is shown."""
    page = console.person("ann").page(PATH)
    assert "The upstream system answers call-ins: https://access.example.org/engage." in page.text
    figures = [" ".join(each.text_content().split()) for each in page.tree.xpath("//dl[@class='figures']/div")]
    assert figures[0] == "Waiting1 upload"
    assert figures[3] == "Rejected for good2 uploads"
    assert [row[0] for row in page.rows()] == [serial_of(1), serial_of(2)]
    assert page.rows()[0][1] == "422"
    assert TOKEN not in page.answer.text
    assert "engage site call-in main" in page.text


def test_doors_of_refused_uploads_are_shown_by_name(refused: list[str], world: World, console: Console) -> None:
    """Also to those who hear a button, and above the form that discards one."""
    world.sites.add_device(serial_of(1), "main", world.occasion, DeviceLabel("North entrance"))
    browser = console.person("ann")
    page = browser.page(PATH)
    assert [row[0] for row in page.rows()] == [f"North entrance {serial_of(1)}", serial_of(2)]
    upload = next(each for each in refused if serial_of(1) in each)
    buttons = [" ".join(each.text_content().split()) for each in page.tree.xpath("//td//button")]
    assert f"Try again North entrance, {upload}" in buttons
    assert "Discard an upload of North entrance" in browser.page(f"{PATH}?discard={upload}").text


def test_a_site_without_an_upstream_system_says_so(console: Console) -> None:
    """There is nothing to try again."""
    page = console.person("ann").page(PATH)
    assert "This host answers call-ins from the files of each door." in page.text
    assert "There is no upstream system." in page.text
    assert "None in the last day." in page.text
    assert "Every door has fetched its database" in page.text
    assert not page.tree.xpath("//main//form")


def test_a_viewer_does_not_see_it(refused: list[str], console: Console) -> None:
    """Nor may they send a form."""
    browser = console.person("ann", Role.VIEWER)
    assert browser.get(PATH).status_code == 403
    for name in ("try-again", "discard"):
        assert browser.post(f"{PATH}/{name}", {"upload": refused[0], "confirm": "main"}).status_code == 403
    assert console.side.uploads.rejected("main") == 2


def test_one_upload_is_tried_again(refused: list[str], console: Console) -> None:
    """It waits again, and the form, sent once more, is refused."""
    browser = console.person("ann")
    page = browser.page(PATH)
    form = page.tree.xpath(f"//form[.//input[@value='{refused[0]}']]")[0]
    fields = {name: value or "" for name, value in form.form_values()}
    answer = browser.post(f"{PATH}/try-again", fields)
    assert answer.status_code == 303
    assert console.side.uploads.counts("main") == (2, 1)
    event = _newest(console)
    assert (event.action, event.actor, event.site) == (AuditAction.UPLOADS_TRIED_AGAIN, "ann", "main")
    assert event.facts == {"upload": refused[0]}
    again = browser.post(f"{PATH}/try-again", fields)
    assert again.status_code == 404
    assert console.side.uploads.counts("main") == (2, 1)


def test_all_are_tried_again(refused: list[str], console: Console) -> None:
    """With one entry for all, and the reason."""
    browser = console.person("ann")
    forms = browser.page(PATH).tree.xpath(f"//form[@action='{PATH}/try-again']")
    fields = {name: value or "" for name, value in forms[0].form_values()}
    assert "upload" not in fields
    assert browser.post(f"{PATH}/try-again", {**fields, "reason": "it is repaired"}).status_code == 303
    assert console.side.uploads.counts("main") == (3, 0)
    assert (_newest(console).facts, _newest(console).reason) == ({"uploads": "2"}, "it is repaired")


def test_one_is_discarded_only_when_the_site_is_typed(refused: list[str], console: Console) -> None:
    """The form comes after a link that names the upload."""
    browser = console.person("ann")
    assert not browser.page(PATH).tree.xpath(f"//form[@action='{PATH}/discard']")
    link = f"{PATH}?discard={refused[1]}"
    assert f"{link}#discard" in browser.page(PATH).links()
    page = browser.refused(link, f"{PATH}/discard", confirm="wrong")
    assert "the name of the site was not typed" in page.alert.lower()
    assert page.form(f"{PATH}/discard")["upload"] == refused[1]
    assert console.side.uploads.rejected("main") == 2
    browser.act(link, f"{PATH}/discard", confirm="main", reason="a test door")
    assert console.side.uploads.counts("main") == (1, 1)
    event = _newest(console)
    assert (event.action, event.facts, event.reason) == (
        AuditAction.UPLOAD_DISCARDED,
        {"upload": refused[1]},
        "a test door",
    )


@pytest.mark.parametrize("name", ["../../../engage.db", "nothing", "", "x~0000000001.422.json"])
def test_nothing_else_can_be_discarded(refused: list[str], console: Console, name: str) -> None:
    """A name that is none of the refused ones is not found."""
    browser = console.person("ann")
    fields = browser.page(f"{PATH}?discard={refused[0]}").form(f"{PATH}/discard")
    answer = browser.post(f"{PATH}/discard", {**fields, "upload": name, "confirm": "main"})
    assert answer.status_code == 404
    assert console.side.uploads.rejected("main") == 2


def test_faults_are_shown_with_the_name_of_their_door(world: World, console: Console) -> None:
    """The newest first, as text."""
    serial = serial_of(1)
    world.sites.add_device(serial, "main", world.occasion, DeviceLabel("North entrance"))
    (world.folder / "data" / "spool").mkdir(parents=True)
    console.side.call_faults.record("main", CallFault(NOW, serial, "<b>its database</b> is damaged"))
    console.side.call_faults.record("main", CallFault(NOW, NO_DEVICE, "https://access.example.org/engage answers 500"))
    page = console.person("ann").page(PATH)
    console.side.call_faults.record("main", CallFault(NOW, serial_of(9), "it is on no list"))
    assert f"/sites/main/doors/{serial_of(9)}" not in console.person("bob").page(PATH).links()
    rows = page.rows()
    assert [row[1] for row in rows] == ["none: uploads wait", f"North entrance {serial}"]
    assert "<b>" not in page.answer.text
    assert rows[0][2] == "https://access.example.org/engage answers 500."
    assert rows[1][2] == "<b>its database</b> is damaged."


def test_databases_that_no_door_fetched_are_listed(world: World, console: Console) -> None:
    """One that was fetched is not."""
    for device in (1, 2):
        folder = world.folder / "data" / "main" / serial_of(device)
        folder.mkdir(parents=True)
        (folder / "database.json").write_bytes(write_json({"db": {}, "nxtDbVerTS": "0x00000000000000AB"}))
    _given(world.folder / "data" / "main" / serial_of(2), "0x00000000000000AB")
    page = console.person("ann").page(PATH)
    (row,) = page.rows()
    assert (row[0], row[2], row[3]) == (serial_of(1), "0x00000000000000AB", "none")


def _given(folder: Path, version: str) -> None:
    content = {"at": "2026-01-01T00:00:00Z", "askedWith": "0", "version": version}
    (folder / ".given").write_bytes(write_json(content))


def test_another_site_is_hidden(world: World, console: Console) -> None:
    """Whether it exists or not."""
    world.add_site("other", (Host("other.example.org"),))
    assert console.person("ann", Role.OPERATOR, ("other",)).get(PATH).status_code == 403
