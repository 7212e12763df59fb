"""The rotation of a site in the console: planned, started, watched through nights, approved, and taken back."""

import re
import shutil
from datetime import timedelta
from typing import Any

import pytest

from engage_server.pki.encodings import pem
from engage_server.pki.issuing.succession import AuthorityKeys
from engage_server.pki.keys import private_key_pem, read_private_key
from engage_server.records import (
    AuditAction,
    AuditEvent,
    DeviceLabel,
    GatePolicy,
    Host,
    Limit,
    Occasion,
    PathSays,
    Role,
    RotationState,
    RotationWay,
    Secret,
)
from engage_server.records.telling import tell_nobody
from engage_server.services.chains.building import build_successors
from engage_server.services.chains.folder import read_successors
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.rotation import preparation
from engage_server.services.rotation.preparation import RotationRequest
from engage_server.services.site_path.fold import fold
from engage_server.services.sites.register import SiteChanges
from tests.support.chains import HOSTS, NOW, OTHER_SITE_KEY
from tests.support.console import Browser, Console
from tests.support.path_events import path_event
from tests.support.stored import audit_events
from tests.support.world import World, serial_of

PAGE = "/sites/main/rotation"
START, CHAINS, RESUME, APPROVE, ABORT, KEEP = (
    f"{PAGE}/{act}" for act in ("start", "start-with-chains", "resume", "approve", "abort", "keep")
)
DOORS = 4


@pytest.fixture
def keys(world: World) -> World:
    """The authority's keys are on the server."""
    shutil.copytree(world.folder / "chain1", world.folder / "certs" / "main")
    return world


@pytest.fixture
def doors(keys: World) -> World:
    """Doors that came every night of a week."""
    for device in range(1, DOORS + 1):
        keys.sites.add_device(serial_of(device), "main", keys.occasion, DeviceLabel(f"Door {device}", ""))
        night(keys, 1, NOW - timedelta(days=7), device, count=7)
    return keys


def night(world: World, release: int, at: Any, *devices: int, count: int = 1) -> None:
    """Nights in which doors come through with a release."""
    for device in devices:
        world.see(*(world.finished(device, release, at + timedelta(days=each)) for each in range(count)))


def two_persons(world: World) -> None:
    world.sites.change(world.store.site("main"), SiteChanges(approvals=1), "two keys", world.occasion)


def events(world: World, action: AuditAction) -> list[AuditEvent]:
    return [each for each in audit_events(world.store) if each.action is action]


def gate(console: Console, world: World, **later: int) -> None:
    """Time passes, and the gate looks every few minutes; what it decides, it does."""
    console.now += timedelta(**later)
    world.rotations.go_on("main", Occasion("engage-server", console.now))


def sent(world: World, way: RotationWay, hosts: tuple[Host, ...] = HOSTS) -> dict[str, bytes]:
    """The chains of a rotation that were built elsewhere, each as one PEM file."""
    request = world.request(way)
    before = chain_of(world.store.release("main", 1))
    build_successors(request.folder, way, before, request.authority, hosts, NOW, None)
    return {
        title: pem([*material.chain.sent, material.chain.root]) + private_key_pem(material.server_key).reveal()
        for title, material in read_successors(request.folder)
    }


def started(browser: Browser, way: str = "server-renewal", **typed: Any) -> None:
    browser.act(PAGE, START, way=way, **typed)


def begun(world: World, way: RotationWay = RotationWay.SERVER_RENEWAL) -> None:
    """Ann has started it on the command line."""
    world.rotations.start(world.request(way), Occasion("ann", NOW))


class TestPlan:
    """No rotation is open."""

    def test_every_way_is_shown_with_both_views_and_its_bytes(self, keys: World, console: Console) -> None:
        page = console.person("ann").page(PAGE)
        ways = {row[0]: row for row in page.rows(1)}
        assert list(ways) == [way.value for way in RotationWay]
        rekey = ways["linked-rekey"]
        assert rekey[1] == "The whole chain, with a new root. The old root vouches for it at first."
        assert rekey[2].startswith("Transition chain: they accept it until ")
        assert rekey[2].endswith("Next chain: they fail TLS once, fetch the new anchor, and come back.")
        until = re.findall(r"they accept it until [0-9]{4}-[0-9]{2}-[0-9]{2}", rekey[3])
        assert rekey[3] == f"Transition chain: {until[0]}. Next chain: {until[1]}."
        assert ways["server-renewal"][3] == "There is no new anchor."
        assert rekey[4] == "0 doors, with chain 2 of 2"
        assert 3000 < int(rekey[5].replace(",", "")) < 4096
        assert rekey[7:] == ["root", "yes"]
        assert ways["server-renewal"][4] == "none"
        assert "engage rotate plan --site main --way server-renewal" in page.text
        assert keys.rotations.all("main") == []

    def test_a_way_that_is_asked_for_is_shown_with_its_steps(self, keys: World, console: Console) -> None:
        ann = console.person("ann")
        page = ann.page(f"{PAGE}?way=linked-rekey")
        assert "Way: linked-rekey" in page.text
        assert "A door with the old anchor accepts it until " in page.text
        assert "A door with the old anchor refuses it (" in page.text
        assert "Not known: Whether a device finds its path through a link certificate" in page.text
        titles = [each.text for each in page.tree.xpath("//*[local-name()='title' and contains(@id, 'bytes-')]")]
        assert len(titles) == 2
        assert all(each.endswith("of 4,096 bytes") for each in titles)
        assert page.form(START)["way"] == "linked-rekey"
        assert "Way: server-renewal" in ann.page(f"{PAGE}?way=%3Cscript%3E").text

    def test_no_door_has_a_new_anchor_where_there_is_none(self, keys: World, console: Console) -> None:
        ann = console.person("ann")
        assert "A door with the new anchor" not in ann.page(f"{PAGE}?way=server-renewal").text
        assert "A door with the new anchor accepts it until " in ann.page(f"{PAGE}?way=cut-over").text

    def test_chains_from_elsewhere_are_folded_while_nothing_is_due(self, keys: World, console: Console) -> None:
        ann = console.person("ann")
        folded = "//details[@id='elsewhere'][not(@open)]"
        assert ann.page(PAGE).tree.xpath(folded)
        console.now = NOW + timedelta(days=790)
        assert not console.again(ann, "ann").page(PAGE).tree.xpath(folded)

    def test_releases_name_the_same_command_for_the_next_chain(self, keys: World, console: Console) -> None:
        command = f"engage chain renew certs/main-{NOW:%Y-%m-%d} --from certs/main --way server-renewal --host"
        ann = console.person("ann")
        assert command in ann.page(PAGE).text
        assert command in ann.page("/sites/main/releases").text

    def test_the_doors_that_a_new_root_makes_fail_are_named(self, doors: World, console: Console) -> None:
        page = console.person("ann").page(PAGE)
        ways = {row[0]: row for row in page.rows(1)}
        assert ways["cut-over"][4] == "4 doors, with chain 1 of 1"
        assert "4 doors of 4 would refuse a chain under a new root." in page.text
        assert f"/sites/main/doors/{serial_of(1)}" in page.links()

    def test_what_is_due_is_recommended(self, keys: World, console: Console) -> None:
        ann = console.person("ann")
        console.now = NOW + timedelta(days=790)
        page = console.again(ann, "ann").page(PAGE)
        assert page.rows(0)[0][-1] == "due"
        assert page.rows(1)[0][-1] == "recommended"
        assert page.form(START)["way"] == "server-renewal"

    def test_a_site_without_a_release_says_what_to_do(self, world: World, console: Console) -> None:
        world.add_site("north", (Host("north.example.org"),), OTHER_SITE_KEY)
        page = console.person("ann").page("/sites/north/rotation")
        assert "engage release stage DIR --site north" in page.text
        assert not page.tree.xpath("//main//form")

    def test_on_a_narrow_screen_each_cell_of_the_ways_has_its_heading(self, keys: World, console: Console) -> None:
        """The table is shown row by row there, and scrolls to no side."""
        (table,) = console.person("vic", Role.VIEWER).page(PAGE).tree.xpath("//*[@aria-label='Ways to rotate']/table")
        assert "stack" in table.get("class", "").split()
        cells = [cell for cell in table.xpath("./tbody//td") if cell.text_content().strip()]
        assert cells
        headings = {heading.text_content() for heading in table.xpath("./thead//th")} | {"Doors"}
        assert {cell.get("data-label") for cell in cells} <= headings

    def test_a_viewer_sees_the_plan_and_no_form(self, keys: World, console: Console) -> None:
        page = console.person("vic", Role.VIEWER).page(PAGE)
        assert len(page.rows(1)) == len(RotationWay)
        assert not page.tree.xpath("//main//form")
        assert "To start a rotation needs the role operator." in page.text

    def test_the_page_of_another_site_is_hidden(self, keys: World, console: Console) -> None:
        keys.add_site("north", (Host("north.example.org"),), OTHER_SITE_KEY)
        there = console.person("nora", Role.ADMIN, ("north",))
        assert there.get(PAGE).status_code == 403
        assert there.get("/sites/south/rotation").status_code in (403, 404)

    def test_without_the_keys_the_command_for_their_machine_is_shown(self, world: World, console: Console) -> None:
        page = console.person("ann").page(f"{PAGE}?way=linked-rekey")
        hosts = " ".join(f"--host {host}" for host in HOSTS)
        folder = f"certs/main-{NOW:%Y-%m-%d}"
        assert f"engage chain renew {folder} --from certs/main --way linked-rekey {hosts}" in page.text
        assert "way" not in page.form(START)
        assert page.tree.xpath("//input[@name='way']/@value") == ["cut-over"]

    def test_it_does_not_renew_itself_while_a_form_is_filled_in(self, keys: World, console: Console) -> None:
        ann = console.person("ann")
        assert not ann.page(PAGE).tree.xpath("//main[@data-refreshed]")
        started(ann)
        assert ann.page(PAGE).tree.xpath("//main[@data-refreshed]")


class TestStart:
    """By the form of the plan."""

    def test_it_is_started_with_its_reason(self, keys: World, console: Console) -> None:
        page = console.person("ann").act(PAGE, START, way="server-renewal", reason="it ends in March")
        assert page.status.startswith("Done: Started rotation 1 of main")
        assert "Release 2 is served, and doors come through" in page.text
        (event,) = events(keys, AuditAction.ROTATION_STARTED)
        assert (event.actor, event.reason) == ("ann", "it ends in March")
        assert keys.releases.current("main") == 2

    def test_its_limits_are_those_of_the_form(self, keys: World, console: Console) -> None:
        typed = {"max_missing": "3", "max_missing_percent": "5", "max_lost": "9", "soak_hours": "0,5", "ask": "yes"}
        started(console.person("ann"), **typed)
        (rotation,) = keys.rotations.all("main")
        assert rotation.policy == GatePolicy(Limit(3, 5), Limit(9, 2.0), 0.5, asks=True)

    @pytest.mark.parametrize(
        ("name", "value"), [("max_missing", "-1"), ("max_lost", "1.5"), ("soak_hours", "nan"), ("soak_hours", "a day")]
    )
    def test_a_limit_that_is_no_number_is_refused_and_stays(
        self, keys: World, console: Console, name: str, value: str
    ) -> None:
        page = console.person("ann").refused(PAGE, START, way="server-renewal", reason="in March", **{name: value})
        (label,) = page.tree.xpath(f"//label[@for='start-{name}']/text()")
        assert page.alert.startswith(f"'{label}' must be a ")
        assert page.answer.status_code == 400
        assert page.form(START)[name] == value
        assert page.form(START)["reason"] == "in March"
        assert page.form(START)["way"] == "server-renewal"
        assert keys.rotations.all("main") == []

    def test_the_same_form_starts_one(self, keys: World, console: Console) -> None:
        ann = console.person("ann")
        form = {**ann.page(PAGE).form(START), "way": "server-renewal"}
        answers = [ann.post(START, form).status_code for _ in range(2)]
        assert answers == [303, 409]
        assert len(keys.rotations.all("main")) == 1

    def test_a_site_that_changed_meanwhile_is_refused(self, keys: World, console: Console) -> None:
        ann = console.person("ann")
        form = {**ann.page(PAGE).form(START), "way": "server-renewal"}
        two_persons(keys)
        assert ann.post(START, form).status_code == 409
        assert keys.rotations.all("main") == []

    def test_a_cut_over_wants_the_name_of_the_site(self, doors: World, console: Console) -> None:
        ann = console.person("ann")
        for typed in ("", "north"):
            page = ann.refused(PAGE, START, way="cut-over", confirm=typed)
            assert "type" in page.alert
            assert "main" in page.alert.lower()
        assert doors.rotations.all("main") == []
        ann.act(PAGE, START, way="cut-over", confirm="main")
        assert doors.releases.current("main") == 2

    def test_other_ways_want_no_name(self, doors: World, console: Console) -> None:
        started(console.person("ann"))
        assert doors.releases.current("main") == 2

    def test_a_viewer_may_not(self, keys: World, console: Console) -> None:
        ann, vic = console.person("ann"), console.person("vic", Role.VIEWER)
        form = {**ann.page(PAGE).form(START), "way": "server-renewal"}
        assert vic.post(START, form).status_code == 403
        assert keys.rotations.all("main") == []

    def test_encrypted_keys_are_opened_with_their_passphrase(self, world: World, console: Console) -> None:
        _lock_keys(world, "a long passphrase")
        ann = console.person("ann")
        page = ann.page(PAGE)
        assert page.tree.xpath("//form[@id='start-form']//input[@name='passphrase']/@type") == ["password"]
        wrong = ann.refused(PAGE, START, way="server-renewal", passphrase="another one")
        assert "another one" not in wrong.answer.text
        assert world.rotations.all("main") == []
        ann.act(PAGE, START, way="server-renewal", passphrase="a long passphrase")
        assert world.releases.current("main") == 2


class TestSentChains:
    """Chains that were built where the keys are."""

    def test_they_are_judged_staged_and_served(self, world: World, console: Console) -> None:
        console.person("ann").act(PAGE, CHAINS, reason="from the safe", **sent(world, RotationWay.LINKED_REKEY))
        (rotation,) = world.rotations.all("main")
        assert (rotation.way, rotation.releases, rotation.folder) == (RotationWay.LINKED_REKEY, (2, 3), "")
        (event,) = events(world, AuditAction.ROTATION_STARTED)
        assert (event.actor, event.reason) == ("ann", "from the safe")
        assert not (world.folder / "certs").exists()

    def test_the_files_of_a_folder_are_one_chain(self, world: World, console: Console) -> None:
        request = world.request(RotationWay.SERVER_RENEWAL)
        before = chain_of(world.store.release("main", 1))
        build_successors(request.folder, request.way, before, request.authority, HOSTS, NOW, None)
        names = ("partner_CA.pem", "partner_server.pem", "partner_server.key")
        files = [(request.folder / "next" / name).read_bytes() for name in names]
        console.person("ann").act(PAGE, CHAINS, next=files)
        assert world.releases.current("main") == 2

    def test_what_does_not_answer_for_a_host_is_refused_with_its_reason(self, world: World, console: Console) -> None:
        chains = sent(world, RotationWay.SERVER_RENEWAL, HOSTS[:1])
        page = console.person("ann").refused(PAGE, CHAINS, **chains)
        assert "10.44.68.128" in page.alert
        assert world.rotations.open_rotation("main") is None
        assert world.releases.current("main") == 1

    def test_what_is_no_chain_is_refused(self, world: World, console: Console) -> None:
        ann = console.person("ann")
        assert ann.refused(PAGE, CHAINS, next=b"<!DOCTYPE html><html></html>").alert
        assert "PEM" in ann.refused(PAGE, CHAINS, next=[b"\x30\x82", b"\x30\x83"]).alert
        assert ann.refused(PAGE, CHAINS).alert
        assert world.rotations.all("main") == []

    def test_a_cut_over_of_sent_chains_wants_the_name_of_the_site(self, doors: World, console: Console) -> None:
        ann, chains = console.person("ann"), sent(doors, RotationWay.CUT_OVER)
        page = ann.refused(PAGE, CHAINS, **chains)
        assert "4 of 4 doors would refuse" in page.alert
        assert "type the name of the site" in page.alert
        ann.act(PAGE, CHAINS, confirm="main", **chains)
        assert doors.releases.current("main") == 2

    def test_nothing_secret_comes_back(self, world: World, console: Console) -> None:
        chain = sent(world, RotationWay.SERVER_RENEWAL)["next"]
        secret = chain.partition(b"PRIVATE KEY-----\n")[2][:40].decode()
        page = console.person("ann").refused(
            PAGE, CHAINS, **{"next": chain, "next-passphrase": "canary"}, soak_hours="x"
        )
        assert secret not in page.answer.text
        assert "canary" not in page.answer.text


class TestResume:
    """The server ended while the chains were being prepared."""

    @pytest.mark.parametrize("are_sent", [False, True])
    def test_the_preparation_is_finished_once(
        self, keys: World, console: Console, are_sent: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ann = console.person("ann")
        way = RotationWay.LINKED_REKEY
        typed: dict[str, Any] = {**sent(keys, way)} if are_sent else {"way": way.value}
        with monkeypatch.context() as broken:
            broken.setattr(preparation, "prove", _crash)
            assert ann.send(PAGE, CHAINS if are_sent else START, **typed).status_code == 500
        page = ann.page(PAGE)
        assert "Its chains are being built." in page.text
        assert not page.tree.xpath("//form[@id='approve-form']")
        form = {**page.form(RESUME), **(typed if are_sent else {}), "reason": "it was interrupted"}
        assert [ann.post(RESUME, form).status_code for _ in range(2)] == [303, 409]
        (rotation,) = keys.rotations.all("main")
        assert rotation.releases == (2, 3)
        assert keys.releases.current("main") == 2
        assert events(keys, AuditAction.RELEASE_STAGED)[-1].reason == "it was interrupted"

    def test_sent_chains_are_wanted_again(
        self, world: World, console: Console, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ann = console.person("ann")
        with monkeypatch.context() as broken:
            broken.setattr(preparation, "prove", _crash)
            ann.send(PAGE, CHAINS, **sent(world, RotationWay.SERVER_RENEWAL))
        assert "No file was chosen." in ann.refused(PAGE, RESUME).alert
        vic = console.person("vic", Role.VIEWER).page(PAGE)
        assert "To finish the preparation needs the role operator." in vic.text
        ann.act(PAGE, ABORT)
        assert world.rotations.open_rotation("main") is None


class TestNights:
    """Two people take a site through a rotation."""

    def test_plan_start_night_approve_done(self, doors: World, console: Console) -> None:
        two_persons(doors)
        ann, bert = console.person("ann"), console.person("bert", Role.APPROVER)
        started(ann, "linked-rekey")
        page = ann.page(PAGE)
        assert "The gate waits." in page.text
        assert "0 of 4" in page.text
        gate(console, doors, hours=12)
        night(doors, 2, console.now, *range(1, DOORS + 1))
        gate(console, doors, hours=13)
        page = console.again(bert, "bert").page(PAGE)
        assert "The gate pauses until a person decides." in page.text
        assert "it drops the link to the old root" in page.text
        assert "4 doors may refuse release 3" in page.text
        assert f"/sites/main/doors/{serial_of(1)}" in page.links()
        # who started it may not
        page = console.again(ann, "ann").page(PAGE)
        assert "To approve a step needs the role approver." in page.text
        assert not page.tree.xpath("//form[@id='approve-form']")
        assert "was not typed" in bert.refused(PAGE, APPROVE, reason="all came").alert
        page = bert.act(PAGE, APPROVE, reason="all came", confirm="main")
        assert "bert approved release 3" in page.text
        assert doors.releases.current("main") == 3
        gate(console, doors, hours=12)
        night(doors, 3, console.now, *range(1, DOORS + 1))
        gate(console, doors, hours=13)
        (rotation,) = doors.rotations.all("main")
        assert rotation.state is RotationState.DONE
        page = console.again(ann, "ann").page(PAGE)
        assert page.rows(-1)[0][:4] == ["Rotation 1", "linked-rekey", "done", "1 → 2 → 3"]
        past = ann.page("/sites/main/rotations/1")
        said = [(row[1], row[2]) for row in past.rows()]
        assert said[0] == ("ann", "Started rotation 1 of main by the way linked-rekey.")
        assert said[1] == ("ann", "Staged the releases 2 3 for the rotation of main.")
        assert any(who == "bert" and what.startswith("Approved a step of the rotation") for who, what in said)
        assert said[-1][1].startswith("Ended the rotation of main: done, and release 3 is served")

    def test_start_and_go_back(self, doors: World, console: Console) -> None:
        ann, bert = console.person("ann"), console.person("bert", Role.APPROVER)
        started(ann, "linked-rekey")
        page = bert.page(PAGE)
        assert "Release 1 is served again at once." in page.text
        page = bert.act(PAGE, ABORT, reason="floor 3 is dark")
        assert doors.releases.current("main") == 1
        (event,) = events(doors, AuditAction.ROTATION_ENDED)
        assert (event.actor, event.reason) == ("bert", "floor 3 is dark")
        assert page.rows(-1)[0][2:4] == ["aborted", "1 → 2 → 3"]
        assert page.rows(-1)[0][-1] == "Floor 3 is dark."
        assert "A person ended the rotation." in ann.page("/sites/main/rotations/1").text

    def test_doors_with_the_new_anchor_are_named_before_going_back(self, doors: World, console: Console) -> None:
        ann = console.person("ann")
        begun(doors, RotationWay.CUT_OVER)
        night(doors, 2, NOW + timedelta(hours=3), 1, 2)
        console.now += timedelta(hours=4)
        page = console.again(ann, "ann").page(PAGE)
        assert "would refuse release 1" in page.text
        assert "was not typed" in ann.refused(PAGE, ABORT, reason="no").alert
        ann.act(PAGE, ABORT, reason="no", confirm="main")
        assert doors.releases.current("main") == 1

    def test_who_started_it_cannot_approve_it(self, doors: World, console: Console) -> None:
        two_persons(doors)
        ann, bert = console.person("ann", Role.ADMIN), console.person("bert", Role.APPROVER)
        begun(doors, RotationWay.CUT_OVER)
        page = ann.page(PAGE)
        assert "You cannot approve it: ann started this rotation, and two persons are needed" in page.text
        assert not page.tree.xpath("//form[@id='approve-form']")
        form = {**bert.page(PAGE).form(APPROVE), "reason": "I did", "confirm": "main"}
        form["token"] = page.form(ABORT)["token"]
        assert ann.post(APPROVE, form).status_code == 422
        assert doors.rotations.all("main")[0].approvals == ()
        bert.act(PAGE, APPROVE, reason="we looked", confirm="main")
        assert doors.releases.current("main") == 2

    def test_an_operator_is_no_approver(self, doors: World, console: Console) -> None:
        ann, bert = console.person("ann"), console.person("bert", Role.APPROVER)
        begun(doors)
        form = {**bert.page(PAGE).form(APPROVE), "reason": "x", "token": ann.page(PAGE).form(ABORT)["token"]}
        assert ann.post(APPROVE, form).status_code == 403
        assert "To approve a step needs the role approver." in ann.page(PAGE).text

    def test_a_viewer_sees_where_it_stands_and_no_form(self, doors: World, console: Console) -> None:
        begun(doors)
        page = console.person("vic", Role.VIEWER).page(PAGE)
        assert "The gate waits." in page.text
        assert not page.tree.xpath("//main//form")
        assert "To go back needs the role operator." in page.text

    def test_a_large_site_is_counted_for_each_change_and_not_for_each_look(
        self, doors: World, console: Console, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        console.count_slowly()
        two_persons(doors)
        bert, counts = console.person("bert", Role.APPROVER), []
        begun(doors)
        count = doors.store.adoption

        def counted(*of: Any, **by: Any) -> Any:
            counts.append(1)
            return count(*of, **by)

        monkeypatch.setattr(doors.store, "adoption", counted)
        bert.page(PAGE)
        first = len(counts)
        console.now += timedelta(minutes=1)
        assert "Doors were counted 1 minute ago." in bert.page(PAGE).text
        assert (len(counts), first > 0) == (first, True)
        page = bert.act(PAGE, APPROVE, reason="they came", confirm="main")
        assert "bert" in page.text
        assert "The gate goes on." in page.text or "done" in page.text
        assert len(counts) > first

    def test_an_approval_needs_a_reason(self, doors: World, console: Console) -> None:
        begun(doors)
        page = console.person("bert", Role.APPROVER).refused(PAGE, APPROVE, reason="  ")
        assert "reason" in page.alert
        assert doors.rotations.all("main")[0].approvals == ()

    def test_the_same_form_sent_twice_acts_once(self, doors: World, console: Console) -> None:
        begun(doors)
        bert = console.person("bert", Role.APPROVER)
        form = {**bert.page(PAGE).form(APPROVE), "reason": "all is well"}
        assert [bert.post(APPROVE, form).status_code for _ in range(2)] == [303, 409]
        assert len(events(doors, AuditAction.ROTATION_APPROVED)) == 1

    def test_a_form_of_a_rotation_that_ended_does_nothing_to_the_next(self, doors: World, console: Console) -> None:
        ann = console.person("ann")
        begun(doors)
        form = ann.page(PAGE).form(ABORT)
        ann.act(PAGE, ABORT)
        begun(doors)
        assert ann.post(ABORT, form).status_code == 409
        form["version"] = ann.page(PAGE).form(ABORT)["version"]
        assert ann.post(ABORT, form).status_code == 409
        assert ann.post(ABORT, {**form, "rotation": "x"}).status_code == 409
        assert doors.rotations.open_rotation("main") is not None

    def test_to_keep_passes_the_gate_so_it_needs_another_person(self, doors: World, console: Console) -> None:
        two_persons(doors)
        ann, cora = console.person("ann", Role.ADMIN), console.person("cora", Role.APPROVER)
        begun(doors)
        assert "needs" in ann.page(PAGE).text
        assert "one person other than ann must approve it" in ann.refused(PAGE, KEEP, reason="it looks good").alert
        cora.act(PAGE, KEEP, reason="it looks good")
        assert doors.releases.current("main") == 2
        assert doors.rotations.open_rotation("main") is None

    def test_lost_doors_are_shown_by_kind(self, doors: World, console: Console) -> None:
        ann = console.person("ann")
        begun(doors)
        night(doors, 2, NOW + timedelta(hours=20), 1, 2, 3)
        console.now = NOW + timedelta(days=3)
        page = console.again(ann, "ann").page(PAGE)
        nights = [row[1:3] for row in page.rows(0)[:-2]]  # the first one is over where it began before this evening
        came = [counts for counts in nights if counts != ["0", "4"]]
        assert (len(came) >= 3, came) == (True, [["3", "4"]] * len(came))
        assert page.tree.xpath("//*[local-name()='svg']")
        (row,) = page.rows(1)
        assert row[:2] == ["Missed their habit of three nights or more.", "1"]
        assert row[2].startswith("Door 4")


class TestPast:
    """Rotations that ended."""

    def test_they_come_in_pages(self, keys: World, console: Console) -> None:
        request = RotationRequest("main", RotationWay.CUT_OVER, keys.folder / "none", AuthorityKeys())
        for _ in range(22):
            keys.rotations.begin(request, keys.occasion, tell_nobody)
            keys.rotations.abort("main", "no", keys.occasion)
        ann = console.person("ann", Role.VIEWER)
        page = ann.page(PAGE)
        assert [row[0] for row in page.rows(-1)] == [f"Rotation {number}" for number in range(22, 2, -1)]
        (rest,) = [link for link in page.links() if "cursor=" in link]
        assert [row[0] for row in ann.page(rest).rows(-1)] == ["Rotation 2", "Rotation 1"]
        assert ann.get(f"{PAGE}?cursor=x").status_code == 400

    def test_one_of_another_site_is_not_found(self, keys: World, console: Console) -> None:
        keys.add_site("north", (Host("north.example.org"),), OTHER_SITE_KEY)
        keys.rotations.start(keys.request(RotationWay.SERVER_RENEWAL), keys.occasion)
        ann = console.person("ann")
        assert ann.get("/sites/north/rotations/1").status_code == 404
        assert "This rotation is still open." in ann.page("/sites/main/rotations/1").text


def _crash(*_: object) -> None:
    raise MemoryError


def _lock_keys(world: World, passphrase: str) -> None:
    """The authority's keys are on the server, encrypted."""
    folder = world.folder / "certs" / "main"
    shutil.copytree(world.folder / "chain1", folder)
    for name in ("partner_CA.key", "partner_intermediate.key"):
        key: Any = read_private_key(Secret((folder / name).read_bytes()), None, source=name)
        (folder / name).chmod(0o600)
        (folder / name).write_bytes(private_key_pem(key, Secret(passphrase.encode())).reveal())


def test_a_cut_path_is_told_though_all_doors_came(doors: World, console: Console) -> None:
    viewer = console.person("ann", Role.VIEWER)
    doors.rotations.start(doors.request(RotationWay.SERVER_RENEWAL), doors.occasion)
    doors.see(*(doors.finished(door, 2, NOW + timedelta(hours=20)) for door in range(DOORS)))
    assert "the path to the site is cut" not in viewer.page(PAGE).text.lower()
    doors.store.add_path_events([path_event(PathSays.CUT, 21 * 60, link="depot-sim", kind="sim_suspended")])
    doors.store.fold_path_events(fold, 10)
    console.now = NOW + timedelta(hours=22)
    page = console.again(viewer, "ann").page(PAGE).text
    assert "The path to the site is cut since" in page
    assert "engage sim set --site main --to ACTIVE" in page


def test_doors_behind_a_cut_path_are_waited_for(doors: World, console: Console) -> None:
    """The page says so, since when, and what ends it."""
    viewer = console.person("ann", Role.VIEWER)
    doors.rotations.start(doors.request(RotationWay.SERVER_RENEWAL), doors.occasion)
    doors.store.add_path_events([path_event(PathSays.CUT, 24 * 60, link="depot-sim", kind="sim_suspended")])
    doors.store.fold_path_events(fold, 10)
    doors.rotations.go_on("main", doors.later(hours=40))
    console.now = NOW + timedelta(hours=40)
    page = console.again(viewer, "ann").page(PAGE).text
    since = f"{NOW + timedelta(hours=24):%Y-%m-%d %H:%M} UTC"
    assert (
        f"The gate waits. {DOORS} doors wait: the path to the site is cut since {since}, its SIM is suspended" in page
    )
    assert f"{DOORS} doors of those still due are late, and may come" in page
    assert "The gate puts off a decision because of the path since" in page
