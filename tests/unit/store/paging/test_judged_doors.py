"""Which doors may be at risk: the store's sieve lets through all that the judging names, on both databases."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ColumnElement, and_, literal, not_, or_, select

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
from engage_server.store.evidence.adoption_queries import cannot_finish, is_in_trouble
from engage_server.store.interface import MetReleases, RiskFilter
from engage_server.store.sql_store import SqlStore
from engage_server.store.tables import EpochSeconds, device_histories, devices, sites
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER
from tests.support.lengths import examples
from tests.support.risks import DAY, FAR, UNTIL, calm, well
from tests.support.world import serial_of

_device = device_histories.c
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
    return [each.identity for each in store.doors_to_judge(site, everything(known), 100)]


def at_risk(known: SiteKnown, histories: Sequence[DeviceHistory]) -> set[str]:
    return {door.identity for door in doors_at_risk(known, histories)}


def test_nothing_is_read_where_all_is_well(store: SqlStore) -> None:
    site = keep(store, [well(number) for number in range(20)])
    assert let_through(store, site, calm()) == []


def test_of_too_many_those_in_trouble_and_those_due_for_longest_come_first(store: SqlStore) -> None:
    late = [well(number, due_at=NOW - number * DAY) for number in range(1, 6)]
    site = keep(store, [*late, well(7, refusals=1), well(8)])
    found = store.doors_to_judge(site, everything(calm()), 3)
    assert [each.identity for each in found] == [serial_of(number) for number in (4, 5, 7)]


def test_the_urgent_ones_alone(store: SqlStore) -> None:
    site = keep(store, [well(1, refusals=1), well(2, due_at=NOW - DAY), well(3), well(4, finished_release=2)])
    known = calm(prospects={(1, 2, False): Prospect(refuses_served=True)})
    found = store.doors_to_judge(site, urgent(known), 9)
    assert [each.identity for each in found] == [serial_of(1), serial_of(4)]


def test_visitors_and_strangers_are_left_out(store: SqlStore) -> None:
    visitor = replace(well(1, refusals=1, tls_nights=0), identity="192.0.2.77")
    site = keep(store, [visitor, well(2, refusals=1), well(3, refusals=1)])
    assert let_through(store, site, calm()) == [serial_of(2), serial_of(3)]
    store.add_devices([Device(serial_of(3), site, NOW)], site, EVENT)
    assert let_through(store, site, calm()) == [serial_of(3)]


def plainly_selected(store: SqlStore, site: str, wanted: RiskFilter) -> list[str]:
    """One condition over all rows, as it was before each part had an index."""

    def met(releases: MetReleases) -> ColumnElement[bool]:
        fetched, finished, since = releases
        of_kind = _device.certificates > 0 if since else _device.certificates == 0
        return and_(_device.finished_release == finished, _device.fetched_release == fetched, of_kind)

    parts = [cannot_finish() if wanted.urgent_only else is_in_trouble(wanted.trouble), *map(met, wanted.met)]
    if wanted.hosts:
        accepts_another = _device.finished_release.not_in([0, wanted.served])
        parts.append(and_(_device.host.not_in(["", *wanted.hosts]), accepts_another))
    if wanted.due_after is not None:
        parts.append(_device.due_at > literal(wanted.due_after, EpochSeconds))
    parts += [and_(met(each), _device.due_at > literal(end, EpochSeconds)) for each, end in wanted.staying]
    is_address = or_(_device.identity.like("%.%"), _device.identity.like("%:%"))
    counts = and_(_device.is_shared_address == 0, or_(not_(is_address), _device.tls_nights >= 3))
    listed = select(devices.c.serial).join(sites, sites.c.id == devices.c.site_id).where(sites.c.name == site)
    with store._engine.connect() as connection:
        names = set(connection.scalars(listed))
        query = select(_device.identity).where(_device.site == site, counts, or_(*parts))
        return sorted(each for each in connection.scalars(query) if not names or each in names)


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


@settings(
    max_examples=examples(all=25, quick=12, campaign=60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(touches, min_size=1, max_size=12),
    known_sites,
    st.sets(st.integers(0, 15), max_size=6),
    st.sets(st.integers(0, 11), max_size=3),
    st.integers(0, 11),
)
def test_it_is_what_one_condition_over_all_rows_selects(
    store: SqlStore,
    found: list[dict[str, Any]],
    site: dict[str, Any],
    listed: set[int],
    visitors: set[int],
    shared: int,
) -> None:
    histories = [
        replace(well(number, **touched), identity=f"192.0.2.{number}", tls_nights=number % 5)
        if number in visitors
        else well(number, **touched, is_shared_address=number == shared)
        for number, touched in enumerate(found)
    ]
    known = calm(**site)
    name = keep(store, histories)
    on_list = [Device(serial_of(each), name, NOW) for each in listed]
    if on_list:
        store.add_devices(on_list, name, EVENT)
    for wanted in (everything(known), urgent(known)):
        selected = [each.identity for each in store.doors_to_judge(name, wanted, 100)]
        assert selected == plainly_selected(store, name, wanted)
        some = [each.identity for each in store.doors_to_judge(name, wanted, 2)]
        assert len(some) == min(2, len(selected))
        assert set(some) <= set(selected)
    for each in on_list:
        store.remove_device(each.serial, name, EVENT, had_files=False)
