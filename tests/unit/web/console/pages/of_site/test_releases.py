"""The releases of a site: the list, one of them, two side by side, and each act with what it says before."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.pki.issuing.profiles import Lifetimes
from engage_server.pki.paths.path import arrange
from engage_server.records import (
    AuditAction,
    AuditEvent,
    AuditFilter,
    DeviceLabel,
    Host,
    ReleaseState,
    Role,
    RotationWay,
    Sighting,
    SightingKind,
)
from engage_server.services.chains.folder import ChainMaterial, read_chain_folder
from engage_server.services.releases.views.contents import contents_of
from engage_server.services.sites.register import SiteChanges
from tests.support.chains import HOSTS, NOW
from tests.support.console import Browser, Console, Shown
from tests.support.containers import PASSPHRASE, pfx
from tests.support.defects import right_plan
from tests.support.world import World, address_of, serial_of

PAGE = "/sites/main/releases"
TWO = f"{PAGE}/2"
BACK = f"{PAGE}?back=1"


@pytest.fixture
def operator(console: Console) -> Browser:
    """Who may do all of it."""
    return console.person("otto")


def newest(world: World) -> AuditEvent:
    """What was written last into the audit log."""
    return world.store.audit_page(AuditFilter(), None, 1).items[0].event


def pem_of(folder: Path) -> bytes:
    """A whole chain with its key, as one file."""
    names = ("partner_server.pem", "partner_intermediate.pem", "partner_CA.pem", "partner_server.key")
    return b"\n".join((folder / name).read_bytes() for name in names)


def came_through(world: World, device: int, release: int = 1) -> None:
    """A door with a name that finished TLS."""
    world.sites.add_device(serial_of(device), "main", world.occasion, DeviceLabel(f"Door {device}"))
    world.see(world.finished(device, release, NOW - timedelta(hours=3)))


def unsafe(world: World) -> int:
    """A release that is not for all hosts, so that it has errors."""
    material = read_chain_folder(world.chain_folder(HOSTS[:1]))
    return world.releases.stage(material, "main", world.occasion).release.number


def test_the_list_has_the_newest_first_with_who_and_when(world: World, console: Console, operator: Browser) -> None:
    world.release(activate=False)
    operator.act(TWO, f"{TWO}/activate")
    page = console.person("vic", Role.VIEWER).page(PAGE)
    first, second = page.rows()
    assert first[:2] == ["Release 2", "current"]
    assert first[2].endswith(" tester")
    assert first[3].endswith(" otto")
    assert second[:2] == ["Release 1", "former"]
    assert second[4] == "ENGAGE Root"
    assert second[6] == "2,456"
    assert page.tree.xpath("//main//form") == []
    assert "Adding a release needs the role operator." in page.text
    assert "safe to retire release 1" in page.text.lower()


def test_the_list_has_pages(world: World, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engage_server.web.console.pages.of_site.releases._AT_ONCE", 1)
    world.release(activate=False)
    viewer = console.person("vic", Role.VIEWER)
    page = viewer.page(PAGE)
    assert [row[0] for row in page.rows()] == ["Release 2"]
    (following,) = page.tree.xpath("//a[@rel='next']/@href")
    following = following if following.startswith("/") else f"{PAGE}{following}"
    assert [row[0] for row in viewer.page(following).rows()] == ["Release 1"]


def test_a_site_without_a_release_says_how_the_first_is_made(world: World, console: Console) -> None:
    world.add_site("new", (Host("new.example.org"),))
    page = console.person("otto").page("/sites/new/releases")
    assert "There is no release yet." in page.text
    assert "engage chain build certs/new --host new.example.org" in page.text


def test_where_keys_are_elsewhere_the_command_is_printed(console: Console) -> None:
    page = console.person("vic", Role.VIEWER).page(PAGE)
    command = f"engage chain renew certs/main-{NOW:%Y-%m-%d} --from certs/main"
    assert f"{command} --way {RotationWay.SERVER_RENEWAL} --host {HOSTS[0]}" in page.text


def test_a_chain_is_staged_by_an_upload(world: World, operator: Browser) -> None:
    """It leads to the release, and nothing else is served."""
    page = operator.act(PAGE, PAGE, chain=pem_of(world.chain_folder()), reason="renewed")
    assert page.tree.xpath("string(//h1)") == "Release 2"
    assert page.status.startswith("Done:")
    assert world.releases.one("main", 2).state is ReleaseState.STAGED
    event = newest(world)
    assert (event.action, event.actor, event.reason) == (AuditAction.RELEASE_STAGED, "otto", "renewed")
    assert "PRIVATE KEY" not in operator.get(TWO).text


def test_a_chain_is_refused_with_what_is_wrong(world: World, operator: Browser) -> None:
    """Nothing, something else, and a key that does not belong to it."""
    assert "no file was chosen" in operator.refused(PAGE, PAGE, reason="x").alert.lower()
    assert operator.refused(PAGE, PAGE, chain=b"<!DOCTYPE html><html></html>").alert
    other = (world.chain_folder() / "partner_server.key").read_bytes()
    folder = world.chain_folder()
    (folder / "partner_server.key").write_bytes(other)
    page = operator.refused(PAGE, PAGE, chain=pem_of(folder), reason="kept")
    assert "key" in page.alert
    assert page.form(PAGE)["reason"] == "kept"
    assert len(world.store.releases("main")) == 1


def test_a_chain_may_come_in_several_files(world: World, operator: Browser) -> None:
    folder = world.chain_folder()
    names = ("partner_server.key", "partner_CA.pem", "partner_intermediate.pem", "partner_server.pem")
    operator.act(PAGE, PAGE, chain=[(folder / name).read_bytes() for name in names])
    assert len(world.store.releases("main")) == 2


def test_a_chain_may_come_as_pkcs12(world: World, operator: Browser) -> None:
    """Its passphrase opens it, and stands on no page."""
    refused = operator.refused(PAGE, PAGE, chain=pfx(PASSPHRASE), **{"chain-passphrase": "canary of a passphrase"})
    assert "passphrase" in refused.alert
    assert "canary" not in refused.answer.text
    operator.act(PAGE, PAGE, chain=pfx(PASSPHRASE), **{"chain-passphrase": PASSPHRASE.decode()})
    assert len(world.store.releases("main")) == 2


def test_the_keys_of_cas_are_not_taken(world: World, operator: Browser) -> None:
    """Who chooses the whole folder sends them by mistake."""
    folder = world.chain_folder()
    files = [path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in (".pem", ".key")]
    assert "hold 3 private keys" in operator.refused(PAGE, PAGE, chain=files).alert
    mixed = [pfx(PASSPHRASE), (folder / "partner_CA.pem").read_bytes()]
    assert "is no PEM file" in operator.refused(PAGE, PAGE, chain=mixed).alert
    assert len(world.store.releases("main")) == 1


def test_an_open_rotation_decides_what_is_served(world: World, operator: Browser) -> None:
    """The pages lead to it, and have no form that would be refused."""
    world.release()
    world.rotations.start(world.request(RotationWay.SERVER_RENEWAL), world.occasion)
    assert world.releases.current("main") == 3
    for page in (BACK, TWO):
        shown = operator.page(page)
        assert "A rotation is open and decides what is served." in shown.text
        assert "/sites/main/rotation" in shown.links()
        assert not shown.tree.xpath("//form[contains(@action, 'rollback') or contains(@action, 'activate')]")
    overview = operator.page("/sites/main")
    assert "A rotation is open (server-renewal, held): release 3 is served, step 1 of 1." in overview.text


def test_the_same_chain_is_staged_once(world: World, operator: Browser) -> None:
    """A form that is sent twice acts once."""
    fields = {**operator.page(PAGE).form(PAGE), "chain": pem_of(world.chain_folder())}
    assert operator.post(PAGE, fields).status_code == 303
    assert operator.post(PAGE, fields).status_code == 409
    assert len(world.store.releases("main")) == 2


def test_before_it_is_served_the_page_says_which_doors_fail(world: World, operator: Browser) -> None:
    """And the act needs the name of the site."""
    came_through(world, 1)
    world.release(activate=False)
    page = operator.page(TWO)
    assert "1 of 1 door would refuse release 2." in page.text
    assert f"/sites/main/doors/{serial_of(1)}" in page.links()
    assert "type: main" in operator.refused(TWO, f"{TWO}/activate", confirm="other", reason="kept").alert
    assert world.releases.current("main") == 1
    done = operator.act(TWO, f"{TWO}/activate", confirm="main", reason="the new root")
    assert world.releases.current("main") == 2
    assert done.status.startswith("Done:")
    event = newest(world)
    assert (event.action, event.actor, event.reason) == (AuditAction.RELEASE_ACTIVATED, "otto", "the new root")


def test_a_door_that_fails_only_by_now_is_not_cut_off(world: World, operator: Browser) -> None:
    """The page that was open said that no door would fail."""
    world.release(activate=False)
    fields = operator.page(TWO).form(f"{TWO}/activate")
    assert "confirm" not in fields
    came_through(world, 1)
    answer = operator.post(f"{TWO}/activate", fields)
    assert answer.status_code == 400
    assert "Door 1" in Shown(answer).text
    assert world.releases.current("main") == 1


def test_errors_are_accepted_one_by_one_with_a_reason(world: World, operator: Browser) -> None:
    number = unsafe(world)
    here = f"{PAGE}/{number}"
    page = operator.page(here)
    codes = [name for name in page.form(f"{here}/activate") if name.startswith("override-")]
    assert codes == ["override-san.host_missing"]
    refused = operator.refused(here, f"{here}/activate", confirm="main")
    assert "san.host_missing" in refused.alert
    assert world.releases.current("main") == 1
    operator.act(here, f"{here}/activate", confirm="main", **{codes[0]: "nobody calls the others"})
    assert world.releases.current("main") == number
    assert newest(world).facts["override san.host_missing"] == "nobody calls the others"


def _with_two_of_a_code(world: World) -> int:
    """A release that is too long, and with two signatures of another hash."""
    plan = right_plan()
    plan.drafts["root"].hash, plan.drafts["intermediate"].hash = hashes.SHA512(), hashes.SHA384()
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), bytes(2000))
    plan.drafts["server"].more = [(padding, False)]
    server_key = plan.drafts["server"].key
    assert isinstance(server_key, rsa.RSAPrivateKey)
    material = ChainMaterial(arrange(list(plan.certificates().values())), server_key)
    return world.releases.stage(material, "main", world.occasion).release.number


def test_a_staged_release_with_errors_says_above_all_that_it_cannot_be_served(world: World, operator: Browser) -> None:
    """The answer to the form that adds it, too. One without errors says nothing of the kind."""
    folder = world.chain_folder(HOSTS[:1])
    page = operator.act(PAGE, PAGE, chain=pem_of(folder))
    assert page.alert.startswith("It cannot be served as it is. 1 error: san.host_missing.")
    assert page.text.index("It cannot be served as it is.") < page.text.index("First to end")
    assert operator.act(PAGE, PAGE, chain=pem_of(world.chain_folder())).alert == ""


def test_a_chain_that_is_too_long_says_so_in_words(world: World, operator: Browser) -> None:
    """No figure is negative."""
    here = f"{PAGE}/{_with_two_of_a_code(world)}"
    page = operator.page(here)
    figures = {each.findtext("dt"): each.findtext("dd") for each in page.tree.xpath("//dl[@class='figures']/div")}
    assert re.fullmatch(r"none: [\d,]+ too many", figures["Bytes left"])
    for path in (here, f"{PAGE}/compare?first=1&second=2"):
        assert not re.search(r"(?<![\w-])-\d", operator.page(path).text)


def test_there_is_one_field_for_the_errors_of_a_code_with_whose_certificates_they_are(
    world: World, operator: Browser
) -> None:
    here = f"{PAGE}/{_with_two_of_a_code(world)}"
    page = operator.page(here)
    fields = page.tree.xpath("//input[starts-with(@name, 'override-')]")
    assert sorted(each.get("name") for each in fields) == ["override-chain.too_long", "override-signature.not_sha256"]
    (field,) = [each for each in fields if each.get("name") == "override-signature.not_sha256"]
    (label,) = page.tree.xpath(f"//label[@for='{field.get('id')}']/text()")
    assert label == "signature.not_sha256: why you accept all 2"
    (hint,) = page.tree.xpath(f"//*[@id='{field.get('aria-describedby')}']")
    assert hint.text_content().count(": ") >= 2
    reasons = {each.get("name"): "tried on a door" for each in fields}
    operator.act(here, f"{here}/activate", **reasons)
    assert world.releases.current("main") == 2


def test_it_goes_back_and_says_before_which_doors_fail(world: World, operator: Browser) -> None:
    world.release()
    came_through(world, 1, 2)
    assert "/sites/main/releases?back=1#rollback" in operator.page(PAGE).links()
    page = operator.page(BACK)
    assert "Go back to release 1" in page.text
    assert "1 of 1 door would refuse release 1." in page.text
    assert operator.refused(BACK, f"{PAGE}/rollback").alert
    assert world.releases.current("main") == 2
    operator.act(BACK, f"{PAGE}/rollback", confirm="main", reason="floor 3 is dark")
    assert world.releases.current("main") == 1
    event = newest(world)
    assert (event.action, event.actor, event.reason) == (AuditAction.RELEASE_ROLLED_BACK, "otto", "floor 3 is dark")


def test_it_goes_back_to_a_release_from_before_a_host_was_added(world: World, operator: Browser) -> None:
    """That is an error for a new release, and only a warning for the way back."""
    world.sites.change(
        world.store.site("main"), SiteChanges(hosts=(*HOSTS, Host("new.example.org"))), "", world.occasion
    )
    world.release()
    form = operator.page(BACK).form(f"{PAGE}/rollback")
    assert not [name for name in form if name.startswith("override-")]
    operator.act(BACK, f"{PAGE}/rollback", confirm="main")
    assert world.releases.current("main") == 1


def test_without_a_release_before_there_is_no_way_back(operator: Browser) -> None:
    page = operator.page(PAGE)
    assert "Go back" not in page.text
    token = page.form(PAGE)["token"]
    assert operator.post(f"{PAGE}/rollback", {"token": token}).status_code == 404


def test_a_key_is_destroyed_when_the_number_is_typed(world: World, operator: Browser) -> None:
    """The page says whether that is safe."""
    world.release()
    came_through(world, 1, 2)
    one = f"{PAGE}/1"
    assert "Safe to retire release 1: yes, 1 of 1 doors hold the anchor of release 2." in operator.page(one).text
    for typed in ("", "main", "2"):
        assert "type: 1" in operator.refused(one, f"{one}/retire", confirm=typed).alert
    assert world.releases.one("main", 1).key_destroyed_at is None
    page = operator.act(one, f"{one}/retire", confirm="1", reason="all are over")
    assert world.releases.one("main", 1).key_destroyed_at is not None
    event = newest(world)
    assert (event.action, event.actor, event.reason) == (AuditAction.RELEASE_RETIRED, "otto", "all are over")
    assert "Its private key was destroyed" in page.text
    assert not page.tree.xpath("//main//form")


def test_a_staged_release_is_removed(world: World, operator: Browser) -> None:
    world.release(activate=False)
    assert "type: 2" in operator.refused(TWO, f"{TWO}/drop", confirm="1").alert
    page = operator.act(TWO, f"{TWO}/drop", confirm="2", reason="wrong host")
    assert [row[0] for row in page.rows()] == ["Release 1"]
    event = newest(world)
    assert (event.action, event.actor, event.reason) == (AuditAction.RELEASE_DROPPED, "otto", "wrong host")


@pytest.mark.parametrize(("form", "number"), [("activate", 2), ("drop", 2), ("rollback", 0)])
def test_nobody_changes_what_they_have_not_seen(world: World, operator: Browser, form: str, number: int) -> None:
    if form == "rollback":
        world.release()
    world.release(activate=False)
    page = f"{PAGE}/{number}" if number else PAGE
    fields = operator.page(page if number else BACK).form(f"{page}/{form}") | {"confirm": str(number)}
    world.sites.change(world.store.site("main"), SiteChanges(title="A"), "", world.occasion)
    before = world.releases.current("main")
    answer = operator.post(f"{page}/{form}", fields)
    assert answer.status_code == 409
    assert "has changed since you opened the page" in Shown(answer).alert
    assert world.releases.current("main") == before


def test_a_viewer_sees_everything_and_no_form(world: World, console: Console) -> None:
    world.release()
    world.release(activate=False)
    viewer = console.person("vic", Role.VIEWER)
    for path in (PAGE, f"{PAGE}/1", f"{PAGE}/2", f"{PAGE}/3"):
        assert not viewer.page(path).tree.xpath("//main//form"), path
    assert "needs the role operator" in viewer.page(f"{PAGE}/3").text


def test_a_release_shows_what_it_holds(world: World, console: Console) -> None:
    """Names, ends, sizes and the anchor; the picture has the same bytes."""
    came_through(world, 1)
    page = console.person("vic", Role.VIEWER).page(f"{PAGE}/1")
    assert "1 door finished TLS" in page.text
    rows = page.rows(1)
    assert [row[0].split()[0] for row in rows] == ["root", "intermediate", "server"]
    assert "anchor" in rows[0][0]
    assert rows[2][3] == ", ".join(map(str, HOSTS))
    assert sum(int(row[6]) for row in rows) == 2456
    assert world.releases.one("main", 1).anchor_hash in page.text


def test_findings_stand_with_their_fix(world: World, console: Console) -> None:
    material = read_chain_folder(world.chain_folder(lifetimes=Lifetimes(server_days=30)))
    number = world.releases.stage(material, "main", world.occasion).release.number
    page = console.person("vic", Role.VIEWER).page(f"{PAGE}/{number}")
    assert page.rows()[0][1] in ("error", "warning", "note")


def test_a_release_that_is_not_there_is_not_found(operator: Browser) -> None:
    assert "9" in operator.page(f"{PAGE}/9", 404).alert


def test_two_releases_side_by_side(world: World, console: Console) -> None:
    """What changes, and what the doors that hold the first anchor would say."""
    came_through(world, 1)
    world.release(activate=False)
    page = console.person("vic", Role.VIEWER).page(f"{PAGE}/compare?first=1&second=2")
    rows = {row[0]: row[1:] for row in page.rows()}
    assert rows["anchor"][0] == "yes"
    assert rows["names in the server certificate"][0] == ""
    assert rows["hash that devices compare"][1:] == [world.releases.one("main", each).anchor_hash for each in (1, 2)]
    assert "Of 1 door that accepts release 1, 0 would accept release 2, 1 would fail TLS." in page.text
    assert f"/sites/main/doors/{serial_of(1)}" in page.links()


def test_the_ends_of_two_releases_are_in_the_time_of_the_site(world: World, console: Console) -> None:
    """With UTC in the title."""
    world.sites.change(world.store.site("main"), SiteChanges(time_zone="Asia/Tokyo"), "", world.occasion)
    world.release(activate=False)
    page = console.person("vic", Role.VIEWER).page(f"{PAGE}/compare?first=1&second=2")
    end = contents_of(world.releases.one("main", 1)).server.ends
    (row,) = page.tree.xpath("//tr[th='server ends']")
    assert row.xpath("string(./td[2])") == f"{end + timedelta(hours=9):%Y-%m-%d %H:%M}"
    assert row.xpath("./td[2]/time/@title") == [f"{end:%Y-%m-%d %H:%M} UTC"]


def test_without_a_choice_what_is_served_is_compared_with_what_was_before(world: World, console: Console) -> None:
    viewer = console.person("vic", Role.VIEWER)
    assert "There is one release only" in viewer.page(f"{PAGE}/compare").text
    world.release(activate=False)
    assert "engage release compare 1 2 --site main" in viewer.page(f"{PAGE}/compare").text, "the next one"
    world.releases.activate("main", 2, {}, world.later(hours=1))
    world.release(activate=False)
    page = viewer.page(f"{PAGE}/compare")
    assert "engage release compare 1 2 --site main" in page.text
    assert "What changes" in page.text
    assert page.tree.xpath("//option[@selected]/@value") == ["1", "2"]


def test_a_release_compared_with_itself_changes_nothing(world: World, console: Console) -> None:
    came_through(world, 1)
    page = console.person("vic", Role.VIEWER).page(f"{PAGE}/compare?first=1&second=1")
    assert "Both releases hold the same." in page.text
    assert "1 would accept release 1" in page.text


@pytest.mark.parametrize(("query", "status"), [("first=1&second=9", 404), ("first=x&second=1", 400)])
def test_what_cannot_be_compared(console: Console, query: str, status: int) -> None:
    assert console.person("vic", Role.VIEWER).page(f"{PAGE}/compare?{query}", status).alert


def test_doors_that_refused_a_release_are_apart_from_those_that_never_saw_it(
    world: World, console: Console, operator: Browser
) -> None:
    """Only of what is served it is known which release they refused."""
    for door in (1, 2, 3):
        came_through(world, door)
    world.release()
    failed = SightingKind.HANDSHAKE_FAILED
    at = NOW + timedelta(hours=1)
    world.see(Sighting(failed, at, "https", address_of(1), None, "main", 2, failure="alert unknown_ca"))
    console.now = at + timedelta(hours=1)
    console.again(operator, "otto")
    lines = [
        each.text_content() for each in operator.page(TWO).tree.xpath("//h2[.='Doors']/following-sibling::ul[1]/li")
    ]
    assert lines == ["2 doors never seen with it", "1 door refused it: they did not accept its certificate"]
    assert "refused it" not in operator.page(f"{PAGE}/1").text
