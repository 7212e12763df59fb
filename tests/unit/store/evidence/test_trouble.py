"""Which devices are in trouble: the store's sieve lets through all that the diagnosis names, on both databases."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engage_server.protocol.event_codes import MEANINGS, TROUBLE_CODES
from engage_server.records import (
    AnchorRole,
    AuditAction,
    AuditEvent,
    DeviceHistory,
    Host,
    Sighting,
    SightingKind,
    Site,
)
from engage_server.services.evidence.devices import DeviceEvidence
from engage_server.services.evidence.diagnosis import diagnose
from engage_server.store.database.engine import open_engine
from engage_server.store.interface import DeviceFilter, TroubleFilter
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER
from tests.support.world import serial_of

HOUR, DAY, WEEK, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(seconds=1)
EVENT = AuditEvent(NOW, "tester", AuditAction.SITE_ADDED, "main")
SITES = (f"site{number}" for number in count())


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    yield store
    store.close()


def well(number: int = 1, **other: Any) -> DeviceHistory:
    """One that called an hour ago, from its usual address, and is not due for a while."""
    last = NOW - HOUR
    known = DeviceHistory("main", serial_of(number), NOW - 10 * DAY, last, 10, NOW + DAY)
    kept: dict[str, Any] = {"finished_release": 1, "finished_at": last, "home": "192.0.2.1", "tls_nights": 10}
    return replace(known, **kept | other)


def keep(store: SqlStore, histories: Sequence[DeviceHistory]) -> str:
    """Put them into a site of their own, as a fold that makes just these would; its name."""
    name = next(SITES)
    kept = [replace(each, site=name) for each in histories]
    sightings = [Sighting(SightingKind.NOTICE, NOW, "http", "192.0.2.1", each.identity, name, 1) for each in kept]
    assert store.record_sightings(name, 0, 1, sightings, lambda *_known: kept, NOW)
    return name


def let_through(store: SqlStore, site: str, now: datetime, limit: int | None = None) -> list[str]:
    wanted = DeviceFilter(trouble=TroubleFilter(now, TROUBLE_CODES), limit=limit)
    return [each.identity for each in store.device_histories(site, wanted)]


def named(store: SqlStore, site: str, now: datetime) -> list[str]:
    every = store.device_histories(site, DeviceFilter())
    return [each.identity for each in every if diagnose(each, now) is not None]


# each trouble alone and only just, and beside it what is only just none
TROUBLED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "no_return": ({"certificates": 2}, {"certificates": 1, "notices": 2}),
    "anchor_refused": ({"anchor_failed_at": NOW - 99 * DAY}, {"anchor_failed_at": None}),
    "no_download": ({"notices": 2}, {"notices": 1}),
    "refuses": ({"refusals": 1}, {"failure": "closed"}),
    "silent": ({"due_at": NOW - SECOND}, {"due_at": NOW}),
    "contested": ({"is_contested": True}, {"away_turns": 2}),
    "reports": ({"report": "0B05", "reported_at": NOW - WEEK}, {"report": "0B05", "reported_at": NOW - WEEK - SECOND}),
    "reports an error": ({"report": "0B0C 01F4", "reported_at": NOW}, {"report": "0B07", "reported_at": NOW}),
    "asks_again": (
        {"asked_again_at": NOW - WEEK, "finished_at": NOW - 2 * WEEK},
        {"asked_again_at": NOW - WEEK - SECOND, "finished_at": NOW - 2 * WEEK},
    ),
    "asks_again and never finished": (
        {"asked_again_at": NOW - HOUR, "finished_at": None},
        {"asked_again_at": NOW - HOUR, "finished_at": NOW},
    ),
    "asks_again since it finished": (
        {"asked_again_at": NOW - HOUR, "finished_at": NOW - HOUR - SECOND},
        {"asked_again_at": NOW - HOUR, "finished_at": NOW - HOUR},
    ),
}


@pytest.mark.parametrize("code", TROUBLED)
def test_each_trouble_alone(store: SqlStore, code: str) -> None:
    trouble, none = TROUBLED[code]
    site = keep(store, [well(1, **trouble), well(2, **none)])
    found = diagnose(well(1, **trouble), NOW)
    assert found is not None
    assert found.code == code.split()[0]
    assert let_through(store, site, NOW) == named(store, site, NOW) == [serial_of(1)]


def test_times_between_two_seconds(store: SqlStore) -> None:
    """The store keeps whole seconds. A question is asked at any time."""
    site = keep(
        store, [well(1, due_at=NOW), well(2, asked_again_at=NOW - WEEK, finished_at=None), well(3, due_at=NOW + SECOND)]
    )
    for microseconds, expected in ((0, {2}), (1, {1}), (999_999, {1})):
        now = NOW + timedelta(microseconds=microseconds)
        assert set(let_through(store, site, now)) == set(named(store, site, now)) == {serial_of(n) for n in expected}


times = st.one_of(
    st.none(),
    st.sampled_from([NOW - WEEK - SECOND, NOW - WEEK, NOW - WEEK + SECOND, NOW - SECOND, NOW]),
    st.integers(-9 * 86400, 86400).map(lambda seconds: NOW + seconds * SECOND),
)
counts = st.integers(0, 3)
reports = st.sampled_from(["", "FFFF", "0B0C 01F4", *MEANINGS])
touches = st.fixed_dictionaries(
    {},
    optional={
        "certificates": counts,
        "notices": counts,
        "refusals": counts,
        "failure": st.sampled_from(["", "closed", "alert unknown_ca"]),
        "due_at": times.map(lambda at: at or NOW + DAY),
        "asked_again_at": times,
        "finished_at": times,
        "report": reports,
        "reported_at": times,
        "anchor_failed_at": times,
        "is_contested": st.booleans(),
        "away": st.sampled_from(["", "198.51.100.9"]),
        "away_seen_at": times,
        "away_since": times.map(lambda at: at or NOW),
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(touches, min_size=1, max_size=12), st.integers(0, 999_999))
def test_the_sieve_lets_through_all_that_the_diagnosis_names(
    store: SqlStore, found: list[dict[str, Any]], microseconds: int
) -> None:
    """The law is that none is missed. That nobody else comes through keeps a page of the list one question."""
    site = keep(store, [well(number, **touched) for number, touched in enumerate(found)])
    now = NOW + timedelta(microseconds=microseconds)
    passed, wanted = let_through(store, site, now), named(store, site, now)
    assert set(wanted) <= set(passed), "a device in trouble is missed"
    assert passed == wanted


class UnsievedStore(SqlStore):
    """The real store, with a sieve that holds nobody back."""

    def device_histories(self, site: str, wanted: DeviceFilter) -> Sequence[DeviceHistory]:
        return super().device_histories(site, replace(wanted, trouble=None))


class TestTheLimitCountsDevicesInTrouble:
    """What operators see: ``engage device list --troubled`` shows the first fifty."""

    @pytest.fixture
    def crowd(self, store: SqlStore) -> str:
        """60 well devices that each sent an audit, and behind them one that refuses."""
        audits = {"report": "0B07", "reported_at": NOW - HOUR}
        first = [well(number, last_seen=NOW - DAY, **audits) for number in range(60)]
        site = keep(store, [*first, well(60, refusals=1, failure="alert unknown_ca")])
        store.add_site(Site(site, (Host("a.example"),), AnchorRole.ROOT, True, (), NOW), SITE_KEY, EVENT)
        return site

    def test_one_that_refuses_behind_sixty_that_are_well(self, store: SqlStore, crowd: str) -> None:
        for limit in (None, 50, 1):
            (found,) = DeviceEvidence(store).devices(crowd, NOW, troubled=True, limit=limit)
            assert (found.identity, found.diagnosis and found.diagnosis.code) == (serial_of(60), "refuses")

    def test_it_is_read_on_until_the_limit_is_met(self, store: SqlStore, crowd: str) -> None:
        """Whatever the sieve lets through."""
        unsieved = DeviceEvidence(UnsievedStore(store._engine, SEALER))
        for limit in (None, 61, 60, 50, 7, 1):
            (found,) = unsieved.devices(crowd, NOW, troubled=True, limit=limit)
            assert found.identity == serial_of(60)
        assert unsieved.devices(crowd, NOW, troubled=True, limit=0) == []

    def test_no_device_twice_and_none_left_out_where_many_were_seen_at_one_time(self, store: SqlStore) -> None:
        site = keep(store, [well(number, refusals=number % 3) for number in range(90)])
        store.add_site(Site(site, (Host("a.example"),), AnchorRole.ROOT, True, (), NOW), SITE_KEY, EVENT)
        expected = [serial_of(number) for number in range(90) if number % 3]
        unsieved = DeviceEvidence(UnsievedStore(store._engine, SEALER))
        for limit in (None, 60, 59, 20, 1):
            found = unsieved.devices(site, NOW, troubled=True, limit=limit)
            assert [each.identity for each in found] == expected[:limit]
