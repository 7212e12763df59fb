"""Rotations on a real store: step by step, taken up after a break, held, let pass, turned back, in waves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engage_server.errors import (
    CertificateInvalid,
    ChainTooLong,
    Conflict,
    EngageError,
    NotFound,
    NotPossible,
    Refused,
)
from engage_server.pki.issuing.profiles import Lifetimes
from engage_server.pki.issuing.succession import AuthorityKeys
from engage_server.pki.keys import private_key_pem
from engage_server.records import (
    AuditAction,
    GatePolicy,
    Host,
    Limit,
    Occasion,
    Release,
    ReleaseState,
    Rotation,
    RotationState,
    RotationWay,
    WorkerStatus,
)
from engage_server.services.chains.building import build_successors
from engage_server.services.chains.folder import read_chain_folder
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.rotation import preparation
from engage_server.services.rotation.gate.decision import Verdict
from engage_server.services.sites.register import SiteChanges
from tests.support.chains import HOSTS, NOW, OTHER_SITE_KEY, key
from tests.support.stored import audit_events
from tests.support.world import World, address_of, serial_of, told_by

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DEVICES = 10


@pytest.fixture
def site(world: World) -> World:
    """A site whose ten devices have come through for a week."""
    world.add_site()
    world.release()
    for night in range(-7, 0):
        call(world, 1, night)
    return world


def call(world: World, release: int, night: int, devices: range = range(DEVICES), site: str = "main") -> None:
    """A night on which devices finish a handshake with a release."""
    world.see(*(world.finished(device, release, NOW + night * DAY, site) for device in devices))


def start(world: World, way: RotationWay, **other: Any) -> Rotation:
    world.rotations.start(world.request(way, **other), world.occasion)
    return world.rotations.all("main")[-1]


def go_on(world: World, **time: int) -> list[str]:
    return told_by(world.rotations.go_on, "main", world.later(**time))


def current(world: World, site: str = "main") -> Release:
    return next(each for each in world.releases.all(site) if each.state is ReleaseState.CURRENT)


def newest(world: World, site: str = "main") -> Rotation:
    return world.rotations.all(site)[-1]


def test_a_server_renewal_from_begin_to_end(site: World) -> None:
    old = current(site)
    rotation = start(site, RotationWay.SERVER_RENEWAL)
    assert (rotation.state, rotation.step, rotation.served) == (RotationState.RUNNING, 1, 2)
    assert current(site).number == 2
    assert current(site).anchor_der == old.anchor_der, "no device notices"
    assert go_on(site, hours=23) == []
    call(site, 2, 1)
    assert "done: release 2 of main has replaced release 1" in go_on(site, hours=25)[0]
    assert newest(site).state is RotationState.DONE
    assert go_on(site, days=9) == []


def test_a_new_root_with_a_link(site: World) -> None:
    old = current(site)
    rotation = start(site, RotationWay.LINKED_REKEY)
    assert rotation.releases == (2, 3)
    transition = current(site)
    assert len(chain_of(transition).links) == 1
    assert transition.anchor_der != old.anchor_der
    call(site, 2, 1)
    assert "release 3 of main is served (step 2 of 2)" in go_on(site, hours=25)[0]
    assert current(site).anchor_der == transition.anchor_der
    assert chain_of(current(site)).links == ()
    call(site, 3, 2)
    assert "done" in go_on(site, days=3)[0]


@pytest.mark.parametrize("way", list(RotationWay))
def test_each_way_serves_what_was_planned(site: World, way: RotationWay) -> None:
    planned = site.rotations.plan("main", frozenset(), site.occasion).way(way)
    rotation = start(site, way)
    assert len(rotation.releases) == len(planned.chains)
    for number, chain in zip(rotation.releases, planned.chains, strict=True):
        release = site.store.release("main", number)
        assert sum(map(len, (*release.chain, release.root_der))) == chain.budget.total


def test_more_lost_devices_than_the_limit_turn_it_back(site: World) -> None:
    start(site, RotationWay.CUT_OVER)
    call(site, 2, 1, range(5))
    assert go_on(site, hours=25) == []
    told = go_on(site, days=4)
    assert "rolled back to release 1 of main: 5 of 10 devices lost" in told[0]
    assert current(site).number == 1
    assert newest(site).state is RotationState.ROLLED_BACK
    assert newest(site).ended_at == NOW + 4 * DAY
    (event,) = [e for e in audit_events(site.store) if e.action is AuditAction.ROTATION_ENDED]
    assert (event.before["release"], event.facts["release"]) == ("2", "1")


def test_a_few_lost_devices_are_for_a_person(site: World) -> None:
    start(site, RotationWay.CUT_OVER)
    call(site, 2, 1, range(8))
    (told,) = go_on(site, hours=80)
    assert "paused until an operator decides: 8 of 10 devices came through, and none is still due; " in told
    assert f"2 missed the usual calls ({serial_of(8)} at {address_of(8)}, {serial_of(9)} at {address_of(9)})" in told
    assert newest(site).state is RotationState.HELD
    assert go_on(site, hours=81) == [], "somebody has been told"
    with pytest.raises(Refused, match="without a reason"):
        site.rotations.approve("main", " ", site.later(hours=81))
    person = Occasion("ann", NOW + 81 * HOUR)
    assert "done" in told_by(site.rotations.approve, "main", "floor 3 has no power", person)[-1]
    (event,) = [e for e in audit_events(site.store) if e.action is AuditAction.ROTATION_APPROVED]
    assert (event.actor, event.reason) == ("ann", "floor 3 has no power")
    assert "ask" in event.facts["gate"]


def test_who_comes_back_ends_the_hold(site: World) -> None:
    start(site, RotationWay.CUT_OVER)
    call(site, 2, 1, range(8))
    assert "paused" in go_on(site, hours=80)[0]
    call(site, 2, 4)
    assert "done" in go_on(site, days=4, hours=1)[0]


def test_an_approval_is_for_one_step(site: World) -> None:
    start(site, RotationWay.LINKED_REKEY, policy=GatePolicy(asks=True))
    call(site, 2, 1)
    assert "needs your approval" in go_on(site, hours=25)[0]
    assert "release 3" in told_by(site.rotations.approve, "main", "looks good", site.later(hours=26))[1]
    assert newest(site).approved is False
    assert go_on(site, hours=27) == []


def test_without_any_device_a_person_decides(world: World) -> None:
    world.add_site()
    world.release()
    start(world, RotationWay.SERVER_RENEWAL)
    assert newest(world).state is RotationState.HELD
    assert "nothing can be proven" in newest(world).why


def test_abort_goes_back_as_one_unit(site: World) -> None:
    start(site, RotationWay.LINKED_REKEY)
    call(site, 2, 1)
    go_on(site, hours=25)
    assert current(site).number == 3
    generation = site.store.generation()
    ended = site.rotations.abort("main", "they stay dark", site.later(days=2))
    assert (ended.state, ended.why) == (RotationState.ABORTED, "they stay dark")
    assert current(site).number == 1
    assert site.store.generation() > generation
    with pytest.raises(NotFound, match="site 'main' has no open rotation"):
        site.rotations.abort("main", "", site.later(days=2))
    with pytest.raises(NotFound):
        site.rotations.approve("main", "x", site.later(days=2))


def test_abort_can_keep_what_is_served(site: World) -> None:
    start(site, RotationWay.CUT_OVER)
    site.rotations.abort("main", "", site.later(days=2), keep=True)
    assert current(site).number == 2


def test_nobody_goes_back_to_what_has_expired(world: World) -> None:
    world.add_site()
    folder = world.chain_folder(lifetimes=Lifetimes(server_days=20))
    world.releases.stage(read_chain_folder(folder), "main", world.occasion)
    world.releases.activate("main", 1, {}, world.occasion)
    for night in range(-7, 0):
        call(world, 1, night)
    start(world, RotationWay.CUT_OVER)
    late = world.later(days=30)
    with pytest.raises(Refused, match=r"release 1 of main can no longer go live: validity\.expired"):
        world.rotations.abort("main", "", late)
    told = told_by(world.rotations.go_on, "main", late)
    assert "paused" in told[0]
    assert "can no longer go live" in told[0]
    assert current(world).number == 2, "nothing bad goes live, not even by itself"


def test_what_has_expired_meanwhile_is_not_the_next_step(site: World) -> None:
    start(site, RotationWay.LINKED_REKEY, policy=GatePolicy(asks=True))
    later = 900  # days: the next step's server certificate has ended, because nobody approved it
    for night in range(later - 7, later):
        call(site, 2, night)
    told = told_by(site.rotations.approve, "main", "at last", site.later(days=later))
    assert "paused" in told[1]
    assert "release 3 cannot go live: validity.expired" in told[1]
    assert current(site).number == 2


def test_other_commands_do_not_interfere(site: World) -> None:
    start(site, RotationWay.LINKED_REKEY)
    acts: list[Callable[[], object]] = [
        lambda: site.releases.activate("main", 1, {}, site.occasion),
        lambda: site.releases.roll_back("main", {}, "", site.occasion),
        lambda: site.releases.retire("main", 3, "", site.occasion),
        lambda: site.releases.retire("main", 1, "", site.occasion),
        lambda: start(site, RotationWay.CUT_OVER),
    ]
    for act in acts:
        with pytest.raises(Conflict):
            act()
    assert current(site).number == 2


def test_missing_keys_are_told_and_can_be_brought(site: World) -> None:
    with pytest.raises(NotPossible, match="the private key of the root certificate is not available here"):
        start(site, RotationWay.LINKED_REKEY, authority=AuthorityKeys())
    assert newest(site).state is RotationState.PREPARING
    assert current(site).number == 1
    assert start(site, RotationWay.LINKED_REKEY).state is RotationState.RUNNING


def test_chains_that_were_prepared_elsewhere(site: World) -> None:
    request = site.request(RotationWay.LINKED_REKEY)
    release = site.store.release("main", 1)
    build_successors(request.folder, request.way, chain_of(release), request.authority, HOSTS, NOW, None)
    without_keys = replace(request, authority=AuthorityKeys())
    site.rotations.start(without_keys, site.occasion)
    assert newest(site).state is RotationState.RUNNING


def test_chains_that_break_their_promise_are_not_served(site: World) -> None:
    request = site.request(RotationWay.SERVER_RENEWAL)
    release = site.store.release("main", 1)
    build_successors(request.folder, RotationWay.CUT_OVER, chain_of(release), request.authority, HOSTS, NOW, None)
    with pytest.raises(Refused, match="a device with the old anchor would refuse the next chain"):
        site.rotations.start(request, site.occasion)
    assert newest(site).state is RotationState.ABORTED
    assert [each.number for each in site.releases.all("main")] == [1], "nothing was staged"


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("build_successors", ChainTooLong("too long")),
        ("build_successors", CertificateInvalid("it expires")),
        ("read_successors", CertificateInvalid("no chain")),
    ],
)
def test_what_can_never_be_prepared_has_ended(
    site: World, place: str, error: EngageError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, the rotation stayed open, and nothing else could be served."""
    with monkeypatch.context() as broken:
        broken.setattr(preparation, place, raising(error))
        with pytest.raises(type(error)):
            start(site, RotationWay.SERVER_RENEWAL)
    assert (newest(site).state, newest(site).why) == (RotationState.ABORTED, error.sentence)
    assert start(site, RotationWay.SERVER_RENEWAL).state is RotationState.RUNNING


def test_a_chain_that_cannot_be_staged_ends_it(site: World) -> None:
    request = site.request(RotationWay.SERVER_RENEWAL)
    release = site.store.release("main", 1)
    build_successors(request.folder, request.way, chain_of(release), request.authority, HOSTS, NOW, None)
    (request.folder / "next" / "partner_server.key").write_bytes(private_key_pem(key()).reveal())
    with pytest.raises(Refused, match="key"):
        site.rotations.start(request, site.occasion)
    assert newest(site).state is RotationState.ABORTED


def raising(error: EngageError) -> Callable[..., Any]:
    def act(*_arguments: object, **_options: object) -> None:
        raise error

    return act


class Crash(BaseException):
    """The process ends here."""


def crash(*_arguments: object, **_options: object) -> None:
    raise Crash


@pytest.mark.parametrize("place", ["build_successors", "read_successors", "prove"])
def test_it_is_taken_up_where_it_broke_off(site: World, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    request = site.request(RotationWay.LINKED_REKEY)
    with monkeypatch.context() as broken:
        broken.setattr(preparation, place, crash)
        with pytest.raises(Crash):
            site.rotations.start(request, site.occasion)
    assert newest(site).state is RotationState.PREPARING
    another_folder = replace(request, folder=request.folder.with_name("another"))
    site.rotations.start(another_folder, site.occasion)
    assert newest(site).releases == (2, 3)
    assert not another_folder.folder.exists(), "it goes on with the folder that it began with"


def test_the_evidence_must_be_complete(site: World) -> None:
    start(site, RotationWay.CUT_OVER)
    site.store.heartbeat(WorkerStatus("https 1 on a", "a", 1, "https", 5, {"main": 2}, {}))
    assert go_on(site, days=9) == []
    progress = site.rotations.progress(newest(site), site.later(days=9))
    assert progress.decision is not None
    assert progress.decision.verdict is Verdict.WAIT
    assert "its operators' instance" in progress.decision.why
    site.store.heartbeat(WorkerStatus("operators 2 on a", "a", 2, "operators", 5, {}, {"": "it waits in the spool"}))
    assert "host a: it waits in the spool" in str(site.rotations.progress(newest(site), site.later(days=9)).decision)
    site.store.heartbeat(WorkerStatus("operators 2 on a", "a", 2, "operators", 5, {}, {}))
    assert "rolled back" in go_on(site, days=9)[0]


class TestWaves:
    """Canary site first."""

    @pytest.fixture
    def sites(self, site: World) -> World:
        site.add_site("north", (Host("north.example"),), OTHER_SITE_KEY)
        site.release("north")
        for night in range(-7, 0):
            call(site, 1, night, site="north")
        start(site, RotationWay.SERVER_RENEWAL)
        site.rotations.start(site.request(RotationWay.SERVER_RENEWAL, "north", after=("main",)), site.occasion)
        return site

    def test_the_next_wave_waits_for_the_one_before(self, sites: World) -> None:
        assert newest(sites, "north").state is RotationState.WAITING
        assert current(sites, "north").number == 1
        call(sites, 2, 1)
        go_on(sites, hours=25)
        told = told_by(sites.rotations.go_on, "north", sites.later(hours=26))
        assert "release 2 of north is served" in told[0]
        assert current(sites, "north").number == 2

    def test_a_canary_that_dies_holds_the_others(self, sites: World) -> None:
        sites.rotations.abort("main", "no", sites.later(hours=2))
        told = told_by(sites.rotations.go_on, "north", sites.later(hours=3))
        assert "paused until an operator decides: the rotation of main must be done first, but it is aborted" in told[0]
        assert current(sites, "north").number == 1
        told = told_by(sites.rotations.approve, "north", "main was another matter", sites.later(hours=4))
        assert "release 2 of north is served" in told[1]

    def test_an_error_holds_until_it_is_gone(self, sites: World) -> None:
        """A person approved it, and its next release has an error. The approval stands until that is mended."""
        hosts = sites.store.site("north").hosts
        sites.sites.change(sites.store.site("north"), SiteChanges((*hosts, Host("new.example"))), "", sites.occasion)
        told = told_by(sites.rotations.approve, "north", "now", sites.later(hours=4))
        assert "paused until an operator decides: release 2 cannot go live: san.host_missing" in told[-1]
        assert told_by(sites.rotations.go_on, "north", sites.later(hours=5)) == []
        assert newest(sites, "north").state is RotationState.HELD
        sites.sites.change(sites.store.site("north"), SiteChanges(hosts), "", sites.occasion)
        told = told_by(sites.rotations.go_on, "north", sites.later(hours=6))
        assert "release 2 of north is served (step 1 of 1): an operator approved it" in told[0]


def test_every_step_is_in_the_audit_log(site: World) -> None:
    start(site, RotationWay.SERVER_RENEWAL)
    call(site, 2, 1)
    go_on(site, hours=25)
    actions = [event.action for event in audit_events(site.store)][-5:]
    assert actions == [
        AuditAction.ROTATION_STARTED,
        AuditAction.RELEASE_STAGED,
        AuditAction.ROTATION_ADVANCED,
        AuditAction.ROTATION_ADVANCED,
        AuditAction.ROTATION_ENDED,
    ]
    assert site.store.audit_verdict().faults == ()


def test_the_limits_are_the_operators(site: World) -> None:
    start(site, RotationWay.CUT_OVER, policy=GatePolicy(missing=Limit(5, 50), lost=Limit(9, 90), soak_hours=1))
    call(site, 2, 1, range(5))
    assert "done" in go_on(site, days=9)[0]


def test_a_request_does_not_print_keys(site: World) -> None:
    assert "RSAPrivateKey" not in repr(site.request(RotationWay.CUT_OVER))
