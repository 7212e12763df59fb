"""What a row stands for and who was never seen: kept in columns, and always what the tables say."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from engage_server.errors import Conflict
from engage_server.records import (
    AGAIN_AND_AGAIN,
    AnchorRole,
    AuditAction,
    AuditEvent,
    Device,
    Host,
    Sighting,
    SightingKind,
    Site,
)
from engage_server.services.evidence.fold import fold
from engage_server.store.database.engine import open_engine
from engage_server.store.evidence.index_conditions import NOT_QUIET
from engage_server.store.evidence.standing import HABIT_NIGHTS, Standing
from engage_server.store.sql_store import SqlStore
from engage_server.store.tables import device_histories, devices, sites
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER
from tests.support.lengths import examples
from tests.support.world import serial_of

DAY = timedelta(days=1)
EVENT = AuditEvent(NOW, "tester", AuditAction.SITE_ADDED, "main")
SEGMENTS = count()
SITES = ("main", "north")
migration = import_module("engage_server.store.migrations.versions.0019_standing")


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    for name in SITES:
        site = Site(name, (Host(f"{name}.example"),), AnchorRole.ROOT, name == "main", (), NOW)
        store.add_site(site, SITE_KEY, EVENT)
    yield store
    store.close()


def columns(store: SqlStore) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Both columns, as they are stored."""
    known = device_histories.c
    with store._engine.connect() as connection:
        rows = connection.execute(select(known.site, known.identity, known.standing))
        unseen = connection.execute(select(devices.c.serial, devices.c.is_unseen))
        return {(site, identity): standing for site, identity, standing in rows}, {row[0]: row[1] for row in unseen}


def truth(store: SqlStore) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Both, from nothing but the other columns."""
    known = device_histories.c
    with store._engine.connect() as connection:
        listed = select(sites.c.name, devices.c.serial).join(sites, sites.c.id == devices.c.site_id)
        on_list = {(name, serial) for name, serial in connection.execute(listed)}
        rows = connection.execute(select(known.site, known.identity, known.is_shared_address, known.tls_nights)).all()
    standing: dict[tuple[str, str], int] = {}
    for site, identity, is_shared, nights in rows:
        is_visitor = is_shared or (("." in identity or ":" in identity) and nights < HABIT_NIGHTS)
        found = Standing.VISITOR if is_visitor else Standing.DEVICE
        standing[site, identity] = Standing.LISTED if (site, identity) in on_list and not is_shared else found
    return standing, {serial: int((site, serial) not in standing) for site, serial in on_list}


numbers, names = st.integers(0, 3), st.sampled_from(SITES)
acts = st.one_of(
    st.tuples(st.just("see"), names, numbers, st.sampled_from(["192.0.2.1", "192.0.2.2"]), st.booleans()),
    st.tuples(st.just("list"), names, st.sets(numbers, min_size=1)),
    st.tuples(st.just("remove"), names, numbers),
    st.tuples(st.just("forget"), st.none() | names, numbers),
)


def see(store: SqlStore, site: str, device: int, address: str, *, says_who: bool, night: int) -> None:
    """A finished handshake, which says a serial number or none."""
    at = NOW + night * DAY
    serial = serial_of(device) if says_who else None
    found = [Sighting(SightingKind.HANDSHAKE_FINISHED, at, "https", address, serial, site, 1)]
    assert store.record_sightings(f"segment{next(SEGMENTS)}", 0, 1, found, fold, at)


def do(store: SqlStore, act: tuple[Any, ...], night: int) -> None:
    """One of the ways in which rows come and go."""
    what, site, *rest = act
    if what == "see":
        see(store, site, rest[0], rest[1], says_who=rest[2], night=night)
    elif what == "list":
        with suppress(Conflict):  # it is on the list of the other site
            store.add_devices([Device(serial_of(each), site, NOW) for each in sorted(rest[0])], site, EVENT)
    elif what == "remove":
        store.remove_device(serial_of(rest[0]), site, EVENT, had_files=False)
    else:
        store.forget_device(serial_of(rest[0]), site, EVENT)


@settings(
    max_examples=examples(all=25, quick=12, campaign=60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(acts, min_size=3, max_size=25))
def test_the_columns_are_what_the_tables_say_after_each_act(store: SqlStore, found: list[tuple[Any, ...]]) -> None:
    for night, act in enumerate(found):
        do(store, act, night)
        assert columns(store) == truth(store)
    for name in SITES:
        assert store.unseen_devices(name) == [
            each for each, unseen in sorted(truth(store)[1].items()) if unseen and store.site_of_device(each) == name
        ]


def test_an_upgrade_says_the_same(store: SqlStore) -> None:
    for night in range(4):
        see(store, "main", 1, "192.0.2.1", says_who=True, night=night)
        see(store, "main", 2, "192.0.2.2", says_who=False, night=night)
        see(store, "north", 3, "192.0.2.3", says_who=True, night=night)
    see(store, "north", 0, "192.0.2.4", says_who=False, night=5)
    store.add_devices([Device(serial_of(each), "north", NOW) for each in (1, 3, 5)], "north", EVENT)
    before = columns(store)
    assert before == truth(store)
    assert len(set(before[0].values())) == len(Standing)
    assert set(before[1].values()) == {0, 1}
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE device_histories SET standing = 0"))
        connection.execute(text("UPDATE devices SET is_unseen = 0"))
    assert columns(store) != before, "the control"
    with store._engine.begin() as connection:
        connection.execute(text(migration._STANDING))
        connection.execute(text(migration._UNSEEN))
    assert columns(store) == before


def test_a_renamed_site_keeps_them(store: SqlStore) -> None:
    see(store, "north", 1, "192.0.2.1", says_who=True, night=1)
    store.add_device(Device(serial_of(1), "north", NOW), EVENT)
    store.add_device(Device(serial_of(2), "north", NOW), EVENT)
    store.rename_site("north", "south", EVENT)
    assert columns(store) == truth(store)
    assert columns(store)[0]["south", serial_of(1)] == Standing.LISTED


def test_the_index_of_who_is_in_trouble_has_the_limits_of_the_rules() -> None:
    """Its words are in the database: a change of the rule needs a migration."""
    assert f"certificates >= {AGAIN_AND_AGAIN} OR notices >= {AGAIN_AND_AGAIN} OR" in NOT_QUIET
    assert migration._NOT_QUIET == NOT_QUIET
