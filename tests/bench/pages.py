"""What pages of long lists cost: ``scripts/bench-api``.

Fills a database with devices, entries of the audit log and sightings, past the services. Then it reads pages as the API
answers them: from the store to JSON. What counts is CPU: that of this process and, with PostgreSQL, of its server
process, by the kernel's count. Where a page lies must not matter: the ratio of the last to the first page says so.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from engage_server.as_json.audit_log import entry_json
from engage_server.as_json.devices import device_json
from engage_server.protocol.event_codes import TROUBLE_CODES
from engage_server.records import AuditAction, AuditEvent, AuditFilter, Page, Site
from engage_server.records.site import AnchorRole
from engage_server.services.evidence.devices import DeviceEvidence
from engage_server.store.database.engine import create_sqlite_file, open_engine, writing
from engage_server.store.interface import DeviceFilter, TroubleFilter
from engage_server.store.sql_store import SqlStore
from tests.bench.report import clean_up_when_terminated, progress, progress_ends, row, say, write_json
from tests.support.chains import HOSTS, NOW, SITE_KEY
from tests.support.databases import SEALER, upgrade
from tests.support.filling import (
    OLD_HOST,
    RARE_WORD,
    count_anew,
    fill_audit_log,
    fill_devices,
    fill_labels,
    fill_sightings,
)
from tests.support.postgresql import postgres_server
from tests.support.world import serial_of

_LIMIT = 100
_PAGES_OF_A_SEARCH = 40  # the last one that is measured
_SIGHTINGS = 20_000  # of one device that loops
_GOAL_MILLISECONDS = 50
_EVENT = AuditEvent(NOW, "bench", AuditAction.SITE_ADDED, "main")
_PLACES = ("first", "middle", "last")
_WIDTHS = (-34, 12, 12, 12, 12)

Ask = Callable[[], Page[Any]]


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(prog="scripts/bench-api")
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    clean_up_when_terminated()
    figures: dict[str, Any] = {"devices": options.devices, "entries": options.entries, "limit": _LIMIT}
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        for name, url in (("sqlite", f"sqlite:///{folder}/engage.db"), ("postgresql", server.new_database())):
            figures[name] = _measure(name, url, options)
    write_json(options.json, figures)
    slowest = max(each for name in ("sqlite", "postgresql") for of in figures[name].values() for each in of.values())
    say(f"the dearest page: {slowest:.1f} ms of CPU (goal: below {_GOAL_MILLISECONDS})")
    sys.exit(slowest >= _GOAL_MILLISECONDS)


def _measure(name: str, url: str, options: argparse.Namespace) -> dict[str, Any]:
    create_sqlite_file(url)
    engine = open_engine(url)
    upgrade(engine)
    store = SqlStore(engine, SEALER)
    store.add_site(Site("main", HOSTS, AnchorRole.ROOT, True, (), NOW), SITE_KEY, _EVENT)
    progress(f"{name}: filling")
    _fill(engine, options)
    progress_ends()
    say(row((name, *_PLACES, "last/first"), _WIDTHS))
    found: dict[str, Any] = {}
    for question, pages in _questions(store, options).items():
        found[question] = {place: _cpu(engine, ask, options.rounds) for place, ask in pages.items()}
        values = list(found[question].values())
        say(row((question, *(f"{each:.1f} ms" for each in values), f"{values[-1] / values[0]:.2f}"), _WIDTHS))
    store.close()
    return found


def _fill(engine: Engine, options: argparse.Namespace) -> None:
    with writing(engine, None) as connection:
        fill_devices(connection, "main", options.devices)
        fill_labels(connection, "main", options.devices)
        connection.execute(text("DELETE FROM audit_events"))
        fill_audit_log(connection, options.entries)
        fill_sightings(connection, [serial_of(7)], _SIGHTINGS)
        fill_sightings(connection, [serial_of(each) for each in range(1000)], 20)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        count_anew(connection)


def _questions(store: SqlStore, options: argparse.Namespace) -> dict[str, Mapping[str, Ask]]:
    trouble = TroubleFilter(NOW, TROUBLE_CODES)
    devices = {
        "devices": DeviceFilter(2),
        "devices that miss a release": DeviceFilter(2, missing=True),
        "devices in trouble": DeviceFilter(2, trouble=trouble),
        "devices that call another host": DeviceFilter(2, host=OLD_HOST),
    }
    log = {
        "audit log": AuditFilter(),
        "audit log of a site": AuditFilter(site="north"),
        "audit log of an actor and action": AuditFilter(actor="rare", actions=(AuditAction.SITE_CHANGED,)),
        "audit log of a long ago week": AuditFilter(since=NOW.replace(year=2000), until=NOW.replace(year=2001)),
    }
    searches = {
        "search that finds all devices": DeviceFilter(2, search="door"),
        "search for a number that all have": DeviceFilter(2, search="A0B1"),
        "search for a rare word": DeviceFilter(2, search=RARE_WORD),
        "search among those that miss one": DeviceFilter(2, missing=True, search="usual"),
    }
    return {
        **{name: _of_searches(store, wanted) for name, wanted in searches.items()},
        **{name: _of_devices(store, wanted, options.devices) for name, wanted in devices.items()},
        **{name: _of_log(store, wanted, options.entries) for name, wanted in log.items()},
        "sightings of a device": _of_sightings(store),
    }


def _of_devices(store: SqlStore, wanted: DeviceFilter, count: int) -> Mapping[str, Ask]:
    evidence = DeviceEvidence(store)

    def asks(beyond: str) -> Ask:
        def ask() -> Page[Any]:
            page = evidence.page("main", NOW, wanted, None, _LIMIT, beyond=beyond)
            json.dumps([device_json(each) for each in page.items])
            return page

        return ask

    last = count + count // 100 - _LIMIT
    return {"first": asks(""), "middle": asks(serial_of(count // 2)), "last": asks(serial_of(last))}


def _of_searches(store: SqlStore, wanted: DeviceFilter) -> Mapping[str, Ask]:
    """The first page, and two after it: only the pages before say where a page of a search begins."""
    evidence = DeviceEvidence(store)

    def asks(cursor: str | None) -> Ask:
        def ask() -> Page[Any]:
            page = evidence.page("main", NOW, wanted, cursor, _LIMIT)
            json.dumps([device_json(each) for each in page.items])
            return page

        return ask

    cursors: list[str | None] = [None]
    while len(cursors) <= _PAGES_OF_A_SEARCH:
        following = asks(cursors[-1])().next
        if following is None:
            break
        cursors.append(following)
    chosen = (cursors[0], cursors[len(cursors) // 2], cursors[-1])
    return {place: asks(cursor) for place, cursor in zip(_PLACES, chosen, strict=True)}


def _of_log(store: SqlStore, wanted: AuditFilter, count: int) -> Mapping[str, Ask]:
    def asks(before: int | None) -> Ask:
        def ask() -> Page[Any]:
            page = store.audit_page(replace(wanted, before=before), None, _LIMIT)
            json.dumps([entry_json(each) for each in page.items])
            return page

        return ask

    return {"first": asks(None), "middle": asks(count // 2), "last": asks(_LIMIT)}


def _of_sightings(store: SqlStore) -> Mapping[str, Ask]:
    cursors: list[str | None] = [None]
    while (following := store.sighting_page(serial_of(7), "main", cursors[-1], _LIMIT).next) is not None:
        cursors.append(following)
    chosen = dict(zip(_PLACES, (cursors[0], cursors[len(cursors) // 2], cursors[-1]), strict=True))
    return {
        place: partial(store.sighting_page, serial_of(7), "main", cursor, _LIMIT) for place, cursor in chosen.items()
    }


def _cpu(engine: Engine, ask: Ask, rounds: int) -> float:
    """The median of what a page costs, in milliseconds of CPU."""
    ask()  # what the database reads first is cached, as in a server that runs
    taken = []
    for _ in range(rounds):
        begun = time.process_time_ns() + _cpu_of_server(engine)
        ask()
        taken.append(time.process_time_ns() + _cpu_of_server(engine) - begun)
    return sorted(taken)[rounds // 2] / 1e6


def _cpu_of_server(engine: Engine) -> int:
    """The CPU time of the server process behind the engine's connection, in nanoseconds; SQLite has none."""
    if engine.dialect.name != "postgresql":
        return 0
    with engine.connect() as connection:
        process = connection.scalar(text("SELECT pg_backend_pid()"))
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0])


if __name__ == "__main__":
    main()
