"""Random batches make the same histories in a database as the pure fold makes alone, whatever way they are written."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from engage_server.records import DeviceHistory, Sighting, SightingKind
from engage_server.records.history import changed
from engage_server.services.evidence.fold import fold
from engage_server.store.database import batches
from engage_server.store.database.engine import open_engine
from engage_server.store.evidence import history_rows
from engage_server.store.evidence.caller_queries import MOST_KEPT
from engage_server.store.interface import Place
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW
from tests.support.databases import SEALER
from tests.support.stored import stored_sightings
from tests.support.world import serial_of

BATCHES, SIGHTINGS = 14, 25
FAILURES = ("", "alert unknown_ca", "alert bad_certificate", "closed")


class PureStore:
    """What a store does, in dictionaries. A device's releases are all known to it, where a store reads some."""

    def __init__(self) -> None:
        self.histories: dict[Place, DeviceHistory] = {}
        self._callers: dict[Place, list[str]] = {}

    def record(self, found: Sequence[Sighting]) -> None:
        """Fold a batch."""
        counted = [each for each in found if each.site is not None and not each.disregarded]
        for each in counted:
            callers = self._callers.setdefault((each.site or "", each.address), [])
            if each.serial and each.serial not in callers and len(callers) < MOST_KEPT:
                callers.append(each.serial)
        for after in fold(self.histories, self._callers, counted, NOW):
            stored = changed(after, due_at=after.due_at.replace(microsecond=0))  # whole seconds are stored
            if stored.is_shared_address:  # its progress belongs to several
                stored = changed(stored, releases={})
            self.histories[after.site, after.identity] = stored


def random_batch(chance: Random, turn: int) -> list[Sighting]:
    """Sightings of some devices at some addresses, in two sites: some alone, some behind a NAT, some that move."""
    found = []
    for _ in range(SIGHTINGS):
        device = chance.randrange(12)
        moved = chance.random() < 0.15 or (device == 3 and turn > BATCHES // 2)
        address = "192.0.2.99" if device > 9 else f"192.0.2.{device + (100 if moved else 0)}"
        kind = chance.choice([*SightingKind, SightingKind.NOTICE, SightingKind.HANDSHAKE_FINISHED])
        is_tls = "handshake" in kind or chance.random() < 0.2
        is_proven = is_tls and chance.random() < 0.3
        found.append(
            Sighting(
                kind,
                NOW - timedelta(days=BATCHES + 1 - turn) + timedelta(seconds=chance.randrange(90_000)),
                "https" if is_tls else "http",
                address,
                serial_of(device) if chance.random() < 0.7 else None,
                chance.choice(["main", "main", "main", "annex", None]),
                chance.choice([1, 2, 3, None]),
                "TLSv1.3" if is_tls else "",
                chance.choice(FAILURES) if kind is SightingKind.HANDSHAKE_FAILED else "",
                resumed=is_tls and chance.random() < 0.1,
                authenticated=is_proven,
                token_time=turn * 86_400 + chance.randrange(9) if is_proven else 0,
                disregarded=chance.choice(["", "", "", "", "future"]),
                host=chance.choice(["", "locks.example.org", 'a"b\\c.example.org']),
            )
        )
    return found


def run(store: SqlStore, seed: int) -> tuple[dict[Place, DeviceHistory], dict[Place, DeviceHistory], int]:
    """Fold the same batches in a store and alone. Return both results, and how many sightings there were."""
    chance, alone, count = Random(seed), PureStore(), 0  # noqa: S311  # nothing is kept secret by it
    for turn in range(BATCHES):
        batch = random_batch(chance, turn)
        count += len(batch)
        assert store.record_sightings(f"segment {seed}", turn, turn + 1, batch, fold, NOW)
        assert not store.record_sightings(f"segment {seed}", turn, turn + 1, batch, fold, NOW), "counted twice"
        alone.record(batch)
    stored = {}
    for site, identity in alone.histories:
        for each in store.device_history(identity, site):
            stored[each.site, each.identity] = each
    return stored, alone.histories, count


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    engine = open_engine(migrated_url)
    store = SqlStore(engine, SEALER)
    yield store
    store.close()
    engine.dispose()


@pytest.mark.parametrize("seed", range(2))
def test_the_same_histories_as_by_the_fold_alone(store: SqlStore, seed: int) -> None:
    stored, alone, count = run(store, seed)
    assert stored == alone
    assert len(stored_sightings(store)) == count
    assert store.spool_offsets([f"segment {seed}"]) == {f"segment {seed}": BATCHES}


def test_a_column_that_is_not_written_is_found(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    written = batches.update_all

    def without_notices(connection: Any, table: Any, key: str, columns: dict[str, Any]) -> None:
        written(connection, table, key, {name: values for name, values in columns.items() if name != "notices"})

    monkeypatch.setattr(history_rows, "update_all", without_notices)
    stored, alone, _ = run(store, 0)
    assert stored != alone
