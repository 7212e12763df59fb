"""Years of a site on simulated time: sleeping, flat and reset devices, new roots, and nobody is lost."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from engage_server.lock.firmware import Firmware
from engage_server.lock.limits import DeviceLimits
from engage_server.pki.issuing.authority import ChainPlan
from engage_server.protocol import paths
from engage_server.protocol.notice import digest_of
from engage_server.records import Occasion, Release, ReleaseState, RotationState, RotationWay, Sighting, SightingKind
from engage_server.services.distribution.lookup import Refusal
from engage_server.services.distribution.snapshot import ServedAnswer
from tests.support.chains import HOSTS, NOW, SITE_KEY
from tests.support.simulated_lock import Life, SimulatedFleet
from tests.support.world import World, serial_of

DAY = timedelta(days=1)
PATIENCE_OF_PEOPLE = 25  # nights that somebody waits before they let a held step pass


@dataclass(frozen=True)
class Course:
    """What is to happen.

    Attributes:
        devices: How many there are.
        nights: How many there are.
        days_between: How often somebody looks at what is due: what takes longest here.
        new_roots: Which way to a new root is begun in which night.
        renewals: How often at least the planner finds, beside these, that the server certificate is due.
    """

    devices: int
    nights: int
    days_between: int
    new_roots: Mapping[int, RotationWay]
    renewals: int


TEN_YEARS = Course(
    14, 3653, 7, {500: RotationWay.LINKED_REKEY, 1700: RotationWay.CUT_OVER, 2900: RotationWay.LINKED_REKEY}, renewals=2
)
THREE_YEARS = Course(8, 1000, 28, {40: RotationWay.CUT_OVER, 120: RotationWay.LINKED_REKEY}, renewals=1)


class WatchedHost:
    """The device side's services as a simulated host that keeps evidence, as the worker does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: list[Sighting] = []
        self._distribution = world.distribution()
        self.now = NOW

    def follow(self) -> None:
        """As a worker does when the generation has changed."""
        if self._world.store.generation() != self._distribution.snapshot.generation:
            self._distribution = self._world.distribution()

    def notice(self, device: int) -> bytes | None:
        return self._given(device, SightingKind.NOTICE, self._distribution.notice(HOSTS[0].text, "", "192.0.2.1"))

    def der(self, device: int, path: str) -> bytes | None:
        digest = path.removeprefix(paths.DER_PREFIX).removesuffix(paths.DER_SUFFIX)
        return self._given(device, SightingKind.CERTIFICATE, self._distribution.der(digest, "192.0.2.1"))

    def presented(self, device: int) -> tuple[bytes, ...]:
        release = self._distribution.tls_release(HOSTS[0].text)
        return release.chain if release else ()

    def shaken(self, device: int, why: str) -> None:
        kind = SightingKind.HANDSHAKE_FAILED if why else SightingKind.HANDSHAKE_FINISHED
        release = self._distribution.snapshot.current["main"].number
        self._see(device, kind, release, "https", "alert unknown_ca" if why else "")

    def flush(self) -> None:
        """What the spool's transfer does."""
        if self._seen:
            self._world.see(*self._seen)
            self._seen = []

    def _given(self, device: int, kind: SightingKind, found: ServedAnswer | Refusal) -> bytes | None:
        if isinstance(found, Refusal):
            return None
        self._see(device, kind, found.release, "http")
        return found.content

    def _see(self, device: int, kind: SightingKind, release: int, listener: str, failure: str = "") -> None:
        serial = serial_of(device)
        self._seen.append(Sighting(kind, self.now, listener, f"192.0.2.{device}", serial, "main", release, "", failure))


class Operators:
    """People who look once in a while, start what is due, and decide what is held."""

    def __init__(self, world: World, course: Course) -> None:
        self._world = world
        self._course = course
        self._held_since: int | None = None

    def look(self, night: int, now: datetime) -> None:
        world, occasion = self._world, Occasion("operators", now)
        going_on = world.rotations.open_rotation("main")
        if going_on is not None:
            self._decide(going_on.state, night, occasion)
            return
        way = self._wanted(night, occasion)
        if way is not None:
            world.rotations.start(world.request(way), occasion)

    def _wanted(self, night: int, occasion: Occasion) -> RotationWay | None:
        planned = self._course.new_roots.get(night)
        if planned is not None or night % self._course.days_between:
            return planned
        return self._world.rotations.plan("main", frozenset(), occasion).recommended

    def _decide(self, state: RotationState, night: int, occasion: Occasion) -> None:
        if state is not RotationState.HELD:
            self._held_since = None
            return
        self._held_since = self._held_since if self._held_since is not None else night
        if night - self._held_since >= PATIENCE_OF_PEOPLE:
            self._world.rotations.approve("main", "we looked after them", occasion)
            self._held_since = None


@pytest.fixture
def site(world: World) -> World:
    world.add_site()
    world.release()
    return world


def live(world: World, fleet: SimulatedFleet, course: Course) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """All nights. What devices were lost to, what was held in the last night, and how many nights had which outcome."""
    host, operators = WatchedHost(world), Operators(world, course)
    lost: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for night in range(course.nights):
        host.now = NOW + night * DAY
        host.follow()
        found = fleet.night(host, host.now)
        lost.update(found.lost)
        outcomes.update({"well": found.well, "silent": found.silent, "renewed": found.renewed})
        held = found.held
        watched = world.rotations.open_rotation("main") is not None
        if watched or night % course.days_between == course.days_between - 1 or night + 1 in course.new_roots:
            host.flush()
        morning = host.now + timedelta(hours=6)
        world.rotations.go_on("main", Occasion("the servers themselves", morning))
        operators.look(night, morning)
    host.flush()
    return lost, held, outcomes


@pytest.mark.parametrize(
    "course",
    [
        pytest.param(THREE_YEARS, id="three years"),
        pytest.param(TEN_YEARS, id="ten years", marks=pytest.mark.campaign("three years keep the law")),
    ],
)
def test_years_and_new_roots_lose_nobody(site: World, course: Course) -> None:
    fleet = SimulatedFleet(
        course.devices, SITE_KEY, HOSTS[0].text, seed=6, limits=DeviceLimits(), firmware=Firmware(), life=Life()
    )
    lost, held, outcomes = live(site, fleet, course)
    assert lost == {}
    rotations = site.rotations.all("main")
    ways = Counter(rotation.way for rotation in rotations)
    for way in (RotationWay.LINKED_REKEY, RotationWay.CUT_OVER):
        assert ways[way] == list(course.new_roots.values()).count(way)
    assert ways[RotationWay.SERVER_RENEWAL] >= course.renewals, "what was due was found by the planner"
    assert {rotation.state for rotation in rotations} == {RotationState.DONE}
    current = next(each for each in site.releases.all("main") if each.state is ReleaseState.CURRENT)
    assert held[digest_of(current.anchor_der)] >= course.devices - 3, "all but who is flat or was reset last night"
    assert len({_root_of(each) for each in site.releases.all("main") if each.activated_at}) == 1 + len(course.new_roots)
    assert outcomes["silent"] > course.devices, "they slept, and their batteries died"
    assert outcomes["renewed"] > course.devices * len(course.new_roots) * course.nights // 3653, "and some were reset"
    assert outcomes["well"] + outcomes["silent"] == course.devices * course.nights
    assert site.store.audit_verdict().faults == ()


def _root_of(release: Release) -> bytes:
    return release.root_der


def test_without_rotation_they_are_lost(site: World) -> None:
    """The negative control: the same site when nobody looks is dark once its server certificate has ended."""
    fleet = SimulatedFleet(14, SITE_KEY, HOSTS[0].text, seed=6, limits=DeviceLimits(), firmware=Firmware(), life=Life())
    host = WatchedHost(site)
    before = fleet.night(host, NOW + 800 * DAY)
    after = fleet.night(host, NOW + 830 * DAY)
    assert before.lost == {}
    assert after.well == 0
    assert after.lost.total() > 0
    assert ChainPlan(HOSTS).lifetimes.resolved()[2] == 825
