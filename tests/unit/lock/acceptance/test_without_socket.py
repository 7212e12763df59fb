"""Simulated nights against the real services, and the judgement without sockets beside the handshake's."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from engage_server.lock.acceptance.without_socket import assert_accepted
from engage_server.lock.firmware import Firmware, TlsVersion
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.transport.tls import secure_connection
from engage_server.pki import encodings
from engage_server.protocol import paths
from engage_server.records import Secret
from engage_server.services.distribution.lookup import Refusal
from tests.support.chains import HOSTS, NOW, OTHER_SITE_KEY, SITE_KEY, good_chain
from tests.support.defects import DEFECTS, right_plan
from tests.support.hosts import serving, tls_context
from tests.support.lengths import spread
from tests.support.served import HOST, NOT_SERVED, parts_of
from tests.support.simulated_lock import Life, Night, SimulatedFleet
from tests.support.world import World

LIMITS = DeviceLimits()
DAY = timedelta(days=1)


class Services:
    """The device side's services as a simulated host."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._distribution = world.distribution()

    def follow(self) -> None:
        self._distribution = self._world.distribution()

    def notice(self, device: int) -> bytes | None:
        found = self._distribution.notice(HOSTS[0].text, "", "127.0.0.1")
        return None if isinstance(found, Refusal) else found.content

    def der(self, device: int, path: str) -> bytes | None:
        digest = path.removeprefix(paths.DER_PREFIX).removesuffix(paths.DER_SUFFIX)
        found = self._distribution.der(digest, "127.0.0.1")
        return None if isinstance(found, Refusal) else found.content

    def presented(self, device: int) -> tuple[bytes, ...]:
        release = self._distribution.tls_release(HOSTS[0].text)
        return release.chain if release else ()

    def shaken(self, device: int, why: str) -> None:
        pass


class Misfit(Services):
    """TLS leads elsewhere than the notice, as with something in front that terminates TLS."""

    def presented(self, device: int) -> tuple[bytes, ...]:
        return tuple(encodings.der(each) for each in good_chain("elsewhere").chain.sent)


def fleet(count: int = 50, *, seed: int = 1, life: Life | None = None, key: Secret = SITE_KEY) -> SimulatedFleet:
    name, firmware = HOSTS[0].text, Firmware()
    return SimulatedFleet(count, key, name, seed=seed, limits=LIMITS, firmware=firmware, life=life or Life())


@pytest.fixture
def world(world: World) -> World:
    """The one of all tests, with a site."""
    world.add_site()
    world.release()
    return world


def nights(devices: SimulatedFleet, host: Services, first: int, count: int) -> list[Night]:
    return [devices.night(host, NOW + (first + number) * DAY) for number in range(count)]


def test_a_year_with_a_cut_over_loses_nobody(world: World) -> None:
    host, devices = Services(world), fleet(100)
    before = nights(devices, host, 0, 180)
    world.release()
    host.follow()
    after = nights(devices, host, 180, 185)
    assert sum(night.lost.total() for night in (*before, *after)) == 0
    assert before[0].renewed + before[0].silent == 100
    assert sum(night.renewed for night in after) >= 100, "each took the new anchor, and some forgot theirs"
    (old,), (new,) = (set(night.held) - {""} for night in (before[-1], after[-1]))
    assert old != new
    assert after[0].held[old] + after[0].held[""] > 0, "who slept holds the old one"
    assert all(night.well + night.silent == 100 for night in after)
    assert any(night.silent for night in after)


def test_the_same_seed_gives_the_same_year(world: World) -> None:
    host = Services(world)
    assert nights(fleet(seed=3), host, 0, 60) == nights(fleet(seed=3), host, 0, 60)
    assert nights(fleet(seed=3), host, 0, 60) != nights(fleet(seed=4), host, 0, 60)


def test_expiry_is_felt_on_the_day(world: World) -> None:
    awake = Life(sleeps_in=0, battery_dies=0, is_reset=0)
    devices, host = fleet(5, life=awake), Services(world)
    ends = x509.load_der_x509_certificate(host.presented(0)[0]).not_valid_after_utc
    assert devices.night(host, ends - DAY).well == 5
    last = devices.night(host, ends + DAY)
    assert (last.well, last.lost.total()) == (0, 5)
    assert "expired" in next(iter(last.lost))


def test_who_is_lost_and_why(world: World) -> None:
    awake = Life(sleeps_in=0, battery_dies=0, is_reset=0)
    wrong_key = fleet(7, life=awake, key=OTHER_SITE_KEY).night(Services(world), NOW)
    assert wrong_key.lost == {"the hash is another under this device's site key": 7}
    assert wrong_key.held == {"": 7}
    devices, host = fleet(7, life=awake), Misfit(world)
    for night in nights(devices, host, 0, 3):
        assert night.lost.total() == 7, "notice, DER, failed TLS, every night"
    assert nights(devices, Services(world), 3, 1)[0].well == 7


class Silence:
    """A host without a release."""

    def notice(self, device: int) -> bytes | None:
        return None

    def der(self, device: int, path: str) -> bytes | None:
        return None

    def presented(self, device: int) -> tuple[bytes, ...]:
        return ()

    def shaken(self, device: int, why: str) -> None:
        pass


def test_a_host_with_nothing_to_serve() -> None:
    awake = Life(sleeps_in=0, battery_dies=0, is_reset=0)
    assert fleet(3, life=awake).night(Silence(), NOW).lost == {"the notice cannot be read": 3}


@pytest.mark.parametrize("name", spread(sorted(set(DEFECTS) - set(NOT_SERVED)), every=4, all=2))
def test_the_judgement_without_a_socket_is_the_handshakes(name: str) -> None:
    plan = right_plan()
    DEFECTS[name][0](plan)
    sent, key, trusted = parts_of(plan)
    firmware = Firmware(newest_tls=TlsVersion.TLS_1_2)
    with serving(lambda _: lambda _: b"", tls_context(sent, key)) as host:
        try:
            with secure_connection(HOST, host.port, trusted, LIMITS, firmware):
                by_handshake = True
        except DeviceRefusal:
            by_handshake = False
    try:
        assert_accepted(sent, trusted, HOST, datetime.now(UTC), LIMITS, firmware)
        without = True
    except DeviceRefusal:
        without = False
    assert without is by_handshake
