"""Many devices: their habits, what they remember, and what is told of them."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest

from engage_server.lock.firmware import Firmware
from engage_server.lock.fleet.habit import Arrival, habits, in_order
from engage_server.lock.fleet.nights import Fleet, FleetPlan
from engage_server.lock.fleet.tally import WHOLE, FleetTally
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.target import Target
from engage_server.pki import encodings
from engage_server.pki.issuing.authority import BuiltChain
from tests.support.chains import NOW, OTHER_SITE_KEY, SITE_KEY, good_chain
from tests.support.hosts import Host, answer, certificate_host, serving, tls_context

LIMITS = DeviceLimits(seconds=20)


@contextmanager
def hosts(built: BuiltChain) -> Iterator[tuple[Target, Host]]:
    """A right host, and its plain half."""
    of_port = certificate_host(encodings.der(built.chain.root), SITE_KEY)
    context = tls_context(built.chain.sent, built.server_key)
    with serving(of_port) as plain, serving(lambda _: of_port(plain.port), context) as secure:
        yield Target("127.0.0.1", plain.port, secure.port), plain


def now() -> datetime:
    return NOW


def fleet(target: Target, plan: FleetPlan, **other: object) -> Fleet:
    key = other.get("key", SITE_KEY)
    return Fleet(target, key, LIMITS, Firmware(), plan, now)  # type: ignore[arg-type]  # a key is what is given


@pytest.mark.parametrize("arrival", list(Arrival))
def test_habits_are_kept(arrival: Arrival) -> None:
    found = habits(2000, 600, arrival, seed=7)
    assert found == habits(2000, 600, arrival, seed=7) != habits(2000, 600, arrival, seed=8)
    assert 0 <= min(found) <= max(found) <= (60 if arrival is Arrival.MINUTE else 600)
    order = in_order(found)
    assert sorted(order) == list(range(2000))
    times = [found[number] for number in order]
    assert times == sorted(times)


def test_crowds_are_crowds() -> None:
    def busiest(arrival: Arrival) -> int:
        minutes = [int(second // 60) for second in habits(6000, 6000, arrival, seed=1)]
        return max(minutes.count(minute) for minute in set(minutes))

    assert busiest(Arrival.MINUTE) == 6000 > busiest(Arrival.CLUSTERS) > 2 * busiest(Arrival.SPREAD)


def test_a_sleeping_device_is_small() -> None:
    tracemalloc.start()
    try:
        sleeping = fleet(Target("127.0.0.1", 1, 1), FleetPlan(20_000, 3600))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sleeping.sleeping_bytes() < 32
    assert peak / 20_000 < 2048


def test_two_nights() -> None:
    with hosts(good_chain()) as (target, plain):
        tally = FleetTally()
        fleet(target, FleetPlan(12, 0.1, nights=2)).run(tally)
        assert len(plain.requests) == 2 * 12, "the second night asks for no notice"
    report = tally.report()
    assert (report["calls"], report["well"], report["lost"], report["anchors_taken"]) == (24, 24, 0, 12)
    assert list(report["adoption"].values()) == [12]
    assert report["seconds"]["tls"]["count"] == 24
    assert report["seconds"][WHOLE]["p50"] <= report["seconds"][WHOLE]["p99"] <= report["seconds"][WHOLE]["max"]
    serials = {request.split("serialNumber=")[1].split("&")[0] for request in plain.requests if "serial" in request}
    assert len(serials) == 12


def test_who_is_lost_and_why() -> None:
    with hosts(good_chain()) as (target, _):
        tally = FleetTally()
        fleet(target, FleetPlan(5, 0.1), key=OTHER_SITE_KEY).run(tally)
    report = tally.report()
    assert (report["well"], report["lost"], report["adoption"]) == (0, 5, {"": 5})
    (row,) = report["why_lost"]
    assert row["calls"] == 5
    assert row["failure"].startswith("hash: ")


def test_nobody_there() -> None:
    tally = FleetTally()
    fleet(Target("127.0.0.1", 1, 1), FleetPlan(3, 0)).run(tally)
    assert tally.report()["why_lost"][0]["failure"].startswith("unreachable: ")


def test_no_other_host_is_called() -> None:
    with serving(lambda _: lambda _: b"", None) as elsewhere:
        url = f"http://127.0.0.1:{elsewhere.port}/x.der".encode()
        notice = answer(b'{"cert_url":"' + url + b'","hash":"x"}', "application/json")
        with serving(lambda _: lambda _: notice) as plain:
            tally = FleetTally()
            fleet(Target("127.0.0.1", plain.port, 1), FleetPlan(3, 0)).run(tally)
        assert elsewhere.requests == []
    assert "leads to another host" in tally.report()["why_lost"][0]["failure"]


def test_devices_that_come_too_many_at_once_wait_and_are_not_dropped() -> None:
    with hosts(good_chain()) as (target, _):
        tally = FleetTally()
        fleet(target, FleetPlan(30, 0, at_once=2)).run(tally)
    assert tally.well == 30
    assert tally.latest > 0
