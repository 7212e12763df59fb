"""Which site answers, with which bytes: rules written down in one place, tested in one place."""

import json

import pytest

from engage_server.protocol.notice import digest_of
from engage_server.protocol.serial_number import encode_serial
from engage_server.records import Host
from engage_server.services.distribution.lookup import Refusal
from engage_server.services.distribution.site_choice import choose_site, host_of_header
from engage_server.services.distribution.snapshot import ServedAnswer
from tests.support.chains import OTHER_SITE_KEY
from tests.support.world import World

SERIAL = "0000000000000000A0B1000000000206"
QUERY = f"serialNumber={encode_serial(SERIAL)}"


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("locks.example.org", "locks.example.org"),
        ("LOCKS.example.org:8080", "locks.example.org"),
        ("locks.example.org.", "locks.example.org"),
        ("10.44.68.128:80", "10.44.68.128"),
        ("[FD00:0::2]:80", "fd00::2"),
        ("[fd00::2]", "fd00::2"),
        ("fd00::2", "fd00::2"),
        ("", ""),
        (":80", ""),
        ("[::1", "::1"),
        ("[garbage]", ""),
        ("a:b:c", ""),
        ("\u00ff\x00", ""),
    ],
)
def test_host_headers(header: str, host: str) -> None:
    assert host_of_header(header) == host


@pytest.mark.parametrize(
    ("header", "query", "expected"),
    [
        ("a.example", "", "a"),
        ("b.example:8080", QUERY, "b"),
        ("unknown.example", QUERY, "c"),
        ("unknown.example", "", "a"),
        ("", "serialNumber=garbage", "a"),
    ],
)
def test_host_then_serial_then_default(header: str, query: str, expected: str) -> None:
    by_host = {"a.example": "a", "b.example": "b", "c.example": "c"}
    assert choose_site(header, query, by_host, {SERIAL: "c"}, "a") == expected


def test_without_any_site() -> None:
    assert choose_site("x", QUERY, {}, {}, None) is None


def _two_sites(world: World) -> None:
    world.add_site("a", (Host("a.example"), Host("10.0.0.1")))
    world.add_site("b", (Host("b.example"),), OTHER_SITE_KEY, networks=("10.1.0.0/16", "fd00::/8"))
    world.release("a")
    world.release("b")


def _notice(found: ServedAnswer | Refusal) -> dict[str, str]:
    assert isinstance(found, ServedAnswer)
    notice: dict[str, str] = json.loads(found.content)
    return notice


def test_cert_url_names_the_host_that_the_device_used_if_it_is_the_sites(world: World) -> None:
    _two_sites(world)
    distribution = world.distribution()
    for header, host in (
        ("a.example", "a.example"),
        ("A.EXAMPLE:8080", "a.example"),
        ("10.0.0.1:8080", "10.0.0.1"),
        ("unknown", "a.example"),
        ("", "a.example"),
    ):
        url = _notice(distribution.notice(header, "", "192.0.2.1"))["cert_url"]
        assert url.startswith(f"http://{host}:8080/certificates/")


def test_a_known_device_is_answered_by_its_own_site(world: World) -> None:
    _two_sites(world)
    world.sites.add_device(SERIAL, "b", world.occasion)
    distribution = world.distribution()
    by_serial = _notice(distribution.notice("10.9.9.9", QUERY, "10.1.2.3"))
    assert by_serial["cert_url"].startswith("http://b.example:8080/")
    assert by_serial["hash"] == world.store.release("b", 1).anchor_hash
    assert _notice(distribution.notice("10.9.9.9", "", "10.1.2.3"))["hash"] == world.store.release("a", 1).anchor_hash


def test_device_networks(world: World) -> None:
    _two_sites(world)
    distribution = world.distribution()
    digest = digest_of(world.store.release("b", 1).anchor_der)
    for client, allowed in (
        ("10.1.255.255", True),
        ("::ffff:10.1.0.1", True),
        ("fd12::1", True),
        ("10.2.0.1", False),
        ("fe80::1", False),
        ("", False),
        ("garbage", False),
    ):
        assert isinstance(distribution.notice("b.example", "", client), ServedAnswer) is allowed
        assert isinstance(distribution.der(digest, client), ServedAnswer) is allowed
        assert distribution.is_known_network("b.example", "", client) is allowed
    assert distribution.notice("b.example", "", "10.2.0.1") is Refusal.UNKNOWN_NETWORK
    assert isinstance(distribution.notice("a.example", "", "garbage"), ServedAnswer), "site a says nothing of networks"


def test_every_der_ever_staged_stays_downloadable(world: World) -> None:
    world.add_site()
    for _ in range(3):
        world.release()
    world.release(activate=False)
    distribution = world.distribution()
    for release in world.store.releases():
        found = distribution.der(digest_of(release.anchor_der), "192.0.2.1")
        assert isinstance(found, ServedAnswer)
        assert (found.content, found.release) == (release.anchor_der, release.number)
    assert distribution.der("0" * 32, "192.0.2.1") is Refusal.NO_SUCH_CERTIFICATE


def test_notice_and_chain_are_of_one_release(world: World) -> None:
    world.add_site()
    for _ in range(2):
        number = world.release()
        distribution = world.distribution()
        release = world.store.release("main", number)
        notice = _notice(distribution.notice("locks.example.org", "", "192.0.2.1"))
        served = distribution.tls_release("locks.example.org")
        assert served is not None
        assert (served.number, served.chain) == (number, release.chain)
        assert notice["hash"] == release.anchor_hash
        assert notice["cert_url"].endswith(f"/certificates/{digest_of(release.anchor_der)}.der")


def test_tls_by_server_name(world: World) -> None:
    _two_sites(world)
    distribution = world.distribution()
    for name, site in (("b.example", "b"), ("B.example", "b"), ("a.example", "a"), ("x", "a"), (None, "a"), ("", "a")):
        served = distribution.tls_release(name)
        assert served is not None
        assert served.site == site


def test_before_the_first_release(world: World) -> None:
    assert world.distribution().notice("x", "", "192.0.2.1") is Refusal.NOTHING_CURRENT
    world.add_site()
    assert world.distribution().notice("x", "", "192.0.2.1") is Refusal.NOTHING_CURRENT
    assert world.distribution().tls_release(None) is None


def test_the_snapshot_shows_no_private_key(world: World) -> None:
    world.add_site()
    world.release()
    assert "PRIVATE" not in repr(world.distribution().snapshot)
