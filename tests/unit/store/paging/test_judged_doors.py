"""Which doors may be at risk: the store's sieve lets through all that the judging names, on both databases."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engage_server.protocol.event_codes import MEANINGS
from engage_server.records import (
    AnchorRole,
    AuditAction,
    AuditEvent,
    Device,
    DeviceHistory,
    Host,
    Sighting,
    SightingKind,
    Site,
)
from engage_server.services.releases.expiry import Expiry
from engage_server.services.risk.doors import doors_at_risk
from engage_server.services.risk.known import Prospect, SiteKnown
from engage_server.services.risk.sieve import everything, urgent
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER
from tests.support.risks import DAY, FAR, UNTIL, calm, well
from tests.support.world import serial_of

SECOND = timedelta(seconds=1)
EVENT = AuditEvent(NOW, "tester", AuditAction.SITE_ADDED, "main")
SITES = (f"site{number}" for number in count())


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    yield store
    store.close()


def keep(store: SqlStore, histories: Sequence[DeviceHistory]) -> str:
    """Put them into a site of their own; its name."""
    name = next(SITES)
    store.add_site(Site(name, (Host(f"{name}.example"),), AnchorRole.ROOT, name == "site0", (), NOW), SITE_KEY, EVENT)
    kept = [replace(each, site=name) for each in histories]
    sightings = [Sighting(SightingKind.NOTICE, NOW, "http", "192.0.2.1", each.identity, name, 1) for each in kept]
    assert store.record_sightings(name, 0, 1, sightings, lambda *_known: kept, NOW)
    return name


def let_through(store: SqlStore, site: str, known: SiteKnown) -> list[str]:
    return [each.identity for each in store.doors_to_judge(site, everything(known), "", 100)]


def at_risk(known: SiteKnown, histories: Sequence[DeviceHistory]) -> set[str]:
    return {door.identity for door in doors_at_risk(known, histories)}


def test_nothing_is_read_where_all_is_well(store: SqlStore) -> None:
    site = keep(store, [well(number) for number in range(20)])
    assert let_through(store, site, calm()) == []


def test_it_goes_on_after_a_door(store: SqlStore) -> None:
    site = keep(store, [well(number, refusals=number % 2) for number in range(9)])
    wanted = everything(calm())
    first = store.doors_to_judge(site, wanted, "", 3)
    rest = store.doors_to_judge(site, wanted, first[-1].identity, 3)
    assert [each.identity for each in (*first, *rest)] == [serial_of(number) for number in (1, 3, 5, 7)]


def test_the_urgent_ones_alone(store: SqlStore) -> None:
    site = keep(store, [well(1, refusals=1), well(2, due_at=NOW - DAY), well(3), well(4, finished_release=2)])
    known = calm(prospects={(1, 2, False): Prospect(refuses_served=True)})
    found = store.doors_to_judge(site, urgent(known), "", 9)
    assert [each.identity for each in found] == [serial_of(1), serial_of(4)]


def test_visitors_and_strangers_are_left_out(store: SqlStore) -> None:
    visitor = replace(well(1, refusals=1, tls_nights=0), identity="192.0.2.77")
    site = keep(store, [visitor, well(2, refusals=1), well(3, refusals=1)])
    assert let_through(store, site, calm()) == [serial_of(2), serial_of(3)]
    store.add_devices([Device(serial_of(3), site, NOW)], site, EVENT)
    assert let_through(store, site, calm()) == [serial_of(3)]


times = st.integers(-9 * 86400, 20 * 86400).map(lambda seconds: NOW + seconds * SECOND)
past = st.one_of(st.none(), st.integers(-9 * 86400, 0).map(lambda seconds: NOW + seconds * SECOND))
counts = st.integers(0, 3)
touches = st.fixed_dictionaries(
    {},
    optional={
        "certificates": counts,
        "notices": counts,
        "refusals": counts,
        "due_at": times,
        "asked_again_at": past,
        "finished_at": past,
        "finished_release": counts,
        "fetched_release": counts,
        "report": st.sampled_from(["", *MEANINGS]),
        "reported_at": past,
        "anchor_failed_at": past,
        "is_contested": st.booleans(),
        "host": st.sampled_from(["", "old.example"]),
    },
)
prospects = st.builds(
    Prospect, st.booleans(), st.booleans(), st.sampled_from([None, NOW - DAY, UNTIL - SECOND, NOW + 6 * DAY, FAR])
)
known_sites: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "prospects": st.dictionaries(st.tuples(counts, st.integers(1, 3), st.booleans()), prospects, max_size=4),
        "next_release": st.sampled_from([None, 2]),
        "gaps": st.sampled_from([(), ("host a is not heard",)]),
        "ends": st.sampled_from([(), (Expiry("main", "server", NOW + 6 * DAY),), (Expiry("main", "server", NOW),)]),
        "served": st.integers(0, 2),
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(touches, min_size=1, max_size=12), known_sites, st.integers(0, 999_999))
def test_the_sieve_lets_through_all_that_is_at_risk(
    store: SqlStore, found: list[dict[str, Any]], site: dict[str, Any], microseconds: int
) -> None:
    histories = [well(number, **touched) for number, touched in enumerate(found)]
    known = calm(**site, now=NOW + timedelta(microseconds=microseconds))
    name = keep(store, histories)
    assert at_risk(known, histories) <= set(let_through(store, name, known)), "a door at risk is missed"
