"""Fills a database with very many rows, past the services: for plans of queries, and for what pages of them cost."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, select, text

from engage_server.records import AuditAction, DeviceLabel, Grade, SightingKind, words_of
from engage_server.store.database.batches import insert_all
from engage_server.store.evidence.standing import Standing
from engage_server.store.labels.tables import device_labels, label_words
from engage_server.store.tables import (
    audit_events,
    device_histories,
    devices,
    release_histories,
    sightings,
    sites,
)
from tests.support.chains import NOW
from tests.support.world import serial_of

OLD_HOST, USUAL_HOST = "old.example", "usual.example"
RARE_WORD = "Seldom"  # in the name of those that call the old host
RARE = 5000  # of so many devices, one still calls the old host and misses the release
_BATCH = 20_000
_HISTORY = (
    *("id", "site", "identity", "first_seen", "last_seen", "nights", "due_at", "notices", "certificates", "refusals"),
    *("failure", "fetched_release", "finished_release", "finished_at", "asked_again_at", "is_shared_address"),
    *("tls_nights", "home", "host", "standing"),
)
_MET = ("device_id", "release", "site", "grade", "reached_at")
_ENTRY = ("id", "at", "actor", "action", "site", "facts")
_SIGHTING = ("kind", "at", "listener", "address", "serial", "site", "tls_version", "failure", "resumed", "disregarded")


def fill_devices(connection: Connection, site: str, count: int, now: datetime = NOW, host: str = USUAL_HOST) -> None:
    """Devices that the site saw, with their addresses; all of them on its list, and as many hundredths never seen."""
    site_id = connection.scalar(select(sites.c.id).where(sites.c.name == site))
    _fill(connection, device_histories, _HISTORY, (row for n in range(count) for row in _device(site, n, now, host)))
    met = (
        (2 * n, release, site, int(Grade.HANDSHAKE), now)
        for n in range(count)
        for release in ((1,) if n % RARE == 0 else (1, 2))
    )
    _fill(connection, release_histories, _MET, met)
    listed = ((serial_of(n), site_id, now, int(n >= count)) for n in range(count + count // 100))
    _fill(connection, devices, ("serial", "site_id", "added_at", "is_unseen"), listed)


def fill_labels(connection: Connection, site: str, count: int) -> None:
    """A name for each of these devices, and a place for every second one. All names have the same second word."""
    site_id = connection.scalar(select(sites.c.id).where(sites.c.name == site))
    labels = ((serial_of(n), _label_of(n)) for n in range(count))
    rows = ((site_id, serial, label.name, label.place) for serial, label in labels)
    _fill(connection, device_labels, ("site_id", "identity", "name", "place"), rows)
    words = ((site_id, text, serial_of(n)) for n in range(count) for text in words_of(_label_of(n)))
    _fill(connection, label_words, ("site_id", "words", "identity"), words)


def fill_audit_log(connection: Connection, count: int) -> None:
    """Entries without hashes, most of one site and one actor; every thousandth by another one, of another site."""
    actions = (AuditAction.DEVICE_ADDED, AuditAction.SITE_CHANGED)
    rows = (
        (
            n,
            NOW - timedelta(minutes=count - n),
            "rare" if n % 1000 == 0 else "usual",
            actions[n % 997 == 0].value,
            "north" if n % 1000 == 0 else "main",
            {"device": serial_of(n)},
        )
        for n in range(1, count + 1)
    )
    _fill(connection, audit_events, _ENTRY, rows)


def fill_sightings(connection: Connection, serials: Sequence[str], each: int) -> None:
    """Nights of some devices."""
    rows = (
        (SightingKind.NOTICE.value, _night(n), "http", "192.0.2.1", serial, "main", "", "", False, "")
        for n in range(each)
        for serial in serials
    )
    _fill(connection, sightings, _SIGHTING, rows)


def count_anew(connection: Connection) -> None:
    """Let the database know how many rows there are, as it finds out by itself in time."""
    connection.execute(text("ANALYZE"))


def _label_of(n: int) -> DeviceLabel:
    place = "" if n % 2 else f"Building {n % 97}, floor {n % 7}"
    return DeviceLabel(f"{RARE_WORD if n % RARE == 0 else 'Usual'} door {n}", place)


def _device(site: str, n: int, now: datetime, usual: str) -> Iterator[tuple[Any, ...]]:
    rare = n % RARE == 0
    seen = now - timedelta(days=9 if rare else 0, seconds=n * 7919 % 14400)
    last = 1 if rare else 2
    address = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
    first, due = now - timedelta(days=30), seen + timedelta(days=2)
    values = (first, seen, 30, due, 0, 0, 0, "", last, last, seen, None)
    host = OLD_HOST if rare else usual
    yield 2 * n, site, serial_of(n), *values, 0, 30, address, host, Standing.LISTED.value
    yield 2 * n + 1, site, address, *values, 1, 30, address, "", Standing.VISITOR.value


def _night(n: int) -> datetime:
    return NOW - timedelta(days=n // 3, seconds=n % 3)


def _fill(connection: Connection, table: Table, names: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    some = []
    for row in rows:
        some.append(row)
        if len(some) == _BATCH:
            insert_all(connection, table, names, some)
            some = []
    insert_all(connection, table, names, some)
