"""What the evidence of very many devices costs, and how long its questions take: ``scripts/bench-evidence``.

Fills a database with devices, each of which has met some releases, by the very path that sightings take, and asks what
operators and the gate ask. On SQLite in a folder, and on a PostgreSQL server of its own.

First of all it lets as many devices behind one address (a NAT) call as have addresses of their own, in turns, in one
database: the ratio of the two rates says whether devices behind a NAT cost more. The goal is 0.6 at 50,000.
"""

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from sqlalchemy import text

from engage_server.pki import encodings, keys
from engage_server.records import AuditAction, AuditEvent, DeviceHistory, Sighting, SightingKind, Site
from engage_server.records.site import AnchorRole
from engage_server.services.evidence.devices import DeviceEvidence
from engage_server.services.evidence.fold import fold
from engage_server.store.database.engine import create_sqlite_file, open_engine
from engage_server.store.interface import ReleaseDraft
from engage_server.store.sql_store import SqlStore
from tests.support.chains import HOSTS, NOW, SITE_KEY, good_chain
from tests.support.databases import upgrade
from tests.support.postgresql import postgres_server
from tests.support.world import serial_of

_BATCH = 5000
_NAT_BATCH = 700  # devices: some 2,000 sightings, as many as the transfer takes at once
_RELEASES = 2
_EVENT = AuditEvent(NOW, "bench", AuditAction.SITE_ADDED, "main")
_EVIDENCE = ("device_histories", "release_histories", "device_addresses")


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(prog="scripts/bench-evidence")
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--nat-devices", type=int, default=50_000)
    parser.add_argument("--only-nat", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {"devices": options.devices, "nat_devices": options.nat_devices}
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        figures["nat"] = {
            "sqlite": behind_one_address(f"sqlite:///{folder}/nat.db", options.nat_devices),
            "postgresql": behind_one_address(server.new_database(), options.nat_devices),
        }
        if not options.only_nat:
            figures["sqlite"] = measure(f"sqlite:///{folder}/engage.db", options.devices)
            figures["postgresql"] = measure(server.new_database(), options.devices)
    text_of_it = json.dumps(figures, indent=2)
    sys.stdout.write(text_of_it + "\n")
    if options.json:
        options.json.write_text(text_of_it)


def behind_one_address(url: str, devices: int) -> dict[str, Any]:
    """New devices by turns: a batch with addresses of their own, a batch behind one address; the last tenth counts."""
    store = _store(url)
    seconds: dict[str, list[float]] = {"own addresses": [], "one address": []}
    for first in range(0, devices, _NAT_BATCH):
        some = range(first, min(first + _NAT_BATCH, devices))
        own = [each for device in some for each in _visit(device, _own_address(device))]
        nat = [each for device in some for each in _visit(devices + device, "192.0.2.1")]
        for name, batch in (("own addresses", own), ("one address", nat)):
            begun = time.perf_counter()
            store.record_sightings(f"{name} {first}", 0, 1, batch, fold, NOW)
            seconds[name].append((time.perf_counter() - begun) / len(batch))
    store.close()
    last = {name: sorted(each[-max(3, len(each) // 10) :]) for name, each in seconds.items()}
    rates = {name: 1 / each[len(each) // 2] for name, each in last.items()}
    return {
        **{f"sightings_per_second, {name}": round(rate) for name, rate in rates.items()},
        "ratio": round(rates["one address"] / rates["own addresses"], 2),
    }


def _visit(device: int, address: str) -> list[Sighting]:
    """A notice, and a handshake: when it ends, and when a request has told whose it is."""
    handshake = Sighting(SightingKind.HANDSHAKE_FINISHED, NOW, "https", address, None, "main", 1)
    named = replace(handshake, serial=serial_of(device))
    return [replace(named, kind=SightingKind.NOTICE, listener="http"), handshake, named]


def _store(url: str) -> SqlStore:
    create_sqlite_file(url)
    engine = open_engine(url)
    sealer = upgrade(engine).sealer
    return SqlStore(engine, sealer)


def measure(url: str, devices: int) -> dict[str, Any]:
    """Fill one database, and ask it."""
    store = _store(url)
    engine = open_engine(url)
    _site(store)
    begun = time.perf_counter()
    for number, batch in enumerate(_batches(devices)):
        store.record_sightings(f"segment{number}", 0, 1, batch, fold, NOW)
        if number % 20 == 0:
            store.forget_sightings(NOW + timedelta(days=1))  # raw sightings are kept by another rule
    filled, taken = time.perf_counter() - begun, sum(map(len, _batches(devices)))
    store.forget_sightings(NOW + timedelta(days=1))
    _tidy_up(store, url)
    with engine.connect() as connection:
        size = _bytes(connection)
    engine.dispose()
    found = {
        "seconds_to_fill": round(filled),
        "sightings_per_second": round(taken / filled),
        "bytes_per_device": round(size / devices),
        "milliseconds": {name: _milliseconds(question) for name, question in _questions(store).items()},
    }
    store.close()
    return found


def _site(store: SqlStore) -> None:
    store.add_site(Site("main", HOSTS, AnchorRole.ROOT, True, (), NOW), SITE_KEY, _EVENT)
    for number in range(1, _RELEASES + 1):
        built = good_chain(f"evidence{number}")
        root = encodings.der(built.chain.root)
        sent = tuple(map(encodings.der, built.chain.sent))
        store.stage_release(
            ReleaseDraft("main", root, "A" * 28, sent, root, keys.public_key_der(built.server_key.public_key()), NOW),
            keys.private_key_pem(built.server_key),
            _EVENT,
        )


def _batches(devices: int) -> Iterator[list[Sighting]]:
    """Two releases; 97 in 100 devices took the last one, the others ask, loop, or are silent."""
    chance = Random(6)  # noqa: S311  # nothing is kept secret by it
    for release in range(1, _RELEASES + 1):
        for first in range(0, devices, _BATCH):
            yield [
                sighting
                for device in range(first, min(first + _BATCH, devices))
                for sighting in _night(device, release, chance.random())
            ]


def _night(device: int, release: int, fate: float) -> list[Sighting]:
    at = NOW - timedelta(days=_RELEASES - release, seconds=device % 14400)
    serial, address = serial_of(device), _own_address(device)

    def saw(kind: SightingKind, failure: str = "") -> Sighting:
        listener = "https" if kind in (SightingKind.HANDSHAKE_FINISHED, SightingKind.HANDSHAKE_FAILED) else "http"
        return Sighting(kind, at, listener, address, serial, "main", release, "", failure)

    if release == _RELEASES and fate > 0.97:
        if fate > 0.99:
            return []
        return [
            saw(SightingKind.NOTICE),
            saw(SightingKind.CERTIFICATE),
            saw(SightingKind.HANDSHAKE_FAILED, "alert x"),
        ] * 2
    return [saw(SightingKind.HANDSHAKE_FINISHED)]


def _own_address(device: int) -> str:
    return f"10.{device >> 16 & 255}.{device >> 8 & 255}.{device & 255}"


def _tidy_up(store: SqlStore, url: str) -> None:
    """Give back what deleted sightings took, as both databases do by themselves in time; and let them count."""
    store.close()
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            database.executescript("VACUUM; ANALYZE;")
        return
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM FULL ANALYZE")


def _bytes(connection: Any) -> int:
    if connection.dialect.name == "postgresql":
        query = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname IN ('{}', '{}', '{}')"
        return int(connection.execute(text(query.format(*_EVIDENCE))).scalar_one())
    pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    return int(pages) * int(connection.execute(text("PRAGMA page_size")).scalar_one())


def _questions(store: SqlStore) -> dict[str, Callable[[], object]]:
    evidence, since = DeviceEvidence(store), NOW - timedelta(hours=5)

    def history() -> list[DeviceHistory]:
        return list(store.device_history(serial_of(77)))

    return {
        "rotate status (the gate)": lambda: store.adoption("main", _RELEASES, since, NOW),
        "device list": lambda: evidence.devices("main", NOW, release=_RELEASES, limit=50),
        "device list --missing": lambda: evidence.devices("main", NOW, release=_RELEASES, missing=True, limit=50),
        "device list --release 1 --missing": lambda: evidence.devices("main", NOW, release=1, missing=True, limit=50),
        "device list --troubled": lambda: evidence.devices("main", NOW, release=_RELEASES, troubled=True, limit=50),
        "how many came how far": lambda: evidence.grades("main", _RELEASES),
        "the pace (habits)": lambda: store.silences("main"),
        "the pace (arrivals)": lambda: store.arrivals("main", _RELEASES, since),
        "device show": history,
    }


def _milliseconds(question: Callable[[], object]) -> int:
    """The median of five."""
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        question()
        taken.append(time.perf_counter() - begun)
    return round(1000 * sorted(taken)[2])


if __name__ == "__main__":
    main()
