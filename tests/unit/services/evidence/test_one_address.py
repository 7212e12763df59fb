"""A balancer that does not say the addresses of doors: seen by all doors having one."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from engage_server.records import Host, Sighting, SightingKind
from engage_server.services.distribution.lookup import Distribution
from engage_server.services.evidence.callers import FEWEST, balancers_address, one_address_words
from engage_server.services.sites.register import SiteChanges
from engage_server.web.app import create_app
from tests.support.chains import NOW, OTHER_SITE_KEY
from tests.support.world import World, serial_of

BALANCER = "10.9.8.7"


def call(world: World, doors: range, address: str = BALANCER, site: str = "main", days: int = 0) -> None:
    """Let doors ask for the notice from one address."""
    at = NOW - timedelta(days=days)
    world.see(*(Sighting(SightingKind.NOTICE, at, "http", address, serial_of(door), site, 1) for door in doors))


@pytest.fixture
def sites(world: World) -> World:
    """Two sites."""
    world.add_site()
    world.add_site("north", (Host("north.example.org"),), OTHER_SITE_KEY)
    return world


def test_all_doors_at_one_address_are_seen(sites: World) -> None:
    call(sites, range(20))
    assert balancers_address(sites.store, NOW) == BALANCER
    assert "proxy_protocol_from" in one_address_words(BALANCER)
    call(sites, range(100, 103), site="north")
    assert balancers_address(sites.store, NOW) == BALANCER, "of both sites"


def test_one_door_elsewhere_is_enough_to_say_nothing(sites: World) -> None:
    call(sites, range(20))
    call(sites, range(20, 21), "192.0.2.9")
    assert balancers_address(sites.store, NOW) == ""


def test_sites_behind_their_own_nats_are_well(sites: World) -> None:
    call(sites, range(20))
    call(sites, range(100, 120), "192.0.2.9", site="north")
    assert balancers_address(sites.store, NOW) == ""


def test_few_doors_the_loopback_and_old_calls_are_no_reason(sites: World) -> None:
    call(sites, range(FEWEST - 1))
    assert balancers_address(sites.store, NOW) == ""
    call(sites, range(FEWEST - 1, FEWEST))
    assert balancers_address(sites.store, NOW) == BALANCER, "the control"
    assert balancers_address(sites.store, NOW + timedelta(days=3)) == ""


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_somebody_who_tries_it_on_this_machine_hears_nothing(sites: World, address: str) -> None:
    call(sites, range(20), address)
    assert balancers_address(sites.store, NOW) == ""


def test_a_balancer_that_came_lately_is_seen_within_two_days(sites: World) -> None:
    for door in range(20):
        call(sites, range(door, door + 1), f"192.0.2.{door}", days=1)
    call(sites, range(20))
    assert balancers_address(sites.store, NOW) == "", "yesterday each had its own"
    assert balancers_address(sites.store, NOW + timedelta(hours=25)) == BALANCER


def test_an_address_that_a_site_names_is_known(sites: World) -> None:
    call(sites, range(20))
    changes = SiteChanges(device_networks=(ip_network(f"{BALANCER}/32"),))
    sites.sites.change(sites.store.site("main"), changes, "", sites.occasion)
    assert balancers_address(sites.store, NOW) == ""


def test_a_site_for_trials_does_not_count(world: World) -> None:
    world.add_site(for_trials=True)
    call(world, range(20))
    assert balancers_address(world.store, NOW) == ""


def test_readyz_warns_and_stays_200() -> None:
    distribution = Distribution()
    distribution.publish(replace(distribution.snapshot, current={"main": object()}))  # type: ignore[dict-item]
    client = create_app(distribution).test_client()
    assert client.get("/readyz").json == {"status": "ready"}
    distribution.warn("addresses.shared")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ready", "warnings": ["addresses.shared"]})
