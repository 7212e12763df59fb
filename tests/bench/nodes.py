"""What one node and one database take: ``scripts/bench-nodes``. ``docs/growth.md`` has the results and the model.

* Sightings each second: of one storing process on SQLite and on PostgreSQL, and of two hosts into one PostgreSQL.
* Bytes for each device in each table, after some nights.
* Memory of the list of known devices in each worker.
* The copy for a start without the database (``--copy-only`` measures nothing else).
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import tracemalloc
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine, text

from engage_server.services.distribution.serial_set import SerialSet
from tests.bench.copying_served import copy_of
from tests.bench.storing import StoringHost
from tests.support.postgresql import PostgresServer, postgres_server
from tests.support.world import serial_of

_NIGHTS = 5
_TABLES = ("sightings", "device_histories", "release_histories", "device_addresses", "spool_offsets")


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(prog="scripts/bench-nodes")
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--nights", type=int, default=_NIGHTS)
    parser.add_argument("--listed", type=int, default=100_000, help="devices on the list, for the copy")
    parser.add_argument("--copy-only", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {"devices": options.devices, "memory_of_known_devices": _memory(100_000)}
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        figures["copy"] = copy_of(server, options.listed)
        if not options.copy_only:
            _add_nights(figures, folder, server, options)
    printed = json.dumps(figures, indent=2)
    sys.stdout.write(printed + "\n")
    if options.json:
        options.json.write_text(printed)


def _add_nights(figures: dict[str, Any], folder: str, server: PostgresServer, options: argparse.Namespace) -> None:
    figures["sqlite"] = _nights(f"sqlite:///{folder}/nodes.db", options.devices, options.nights)
    figures["postgresql"] = _nights(server.new_database(), options.devices, options.nights)
    figures["two hosts"] = _two_hosts(server.new_database(), options.devices // 2, options.nights)


def _nights(url: str, devices: int, nights: int) -> dict[str, Any]:
    """Let all devices call once, then in another order each night: a night's order is not that of an index."""
    host, order = StoringHost(url), Random(1)  # noqa: S311  # nothing is kept secret by it
    found: dict[str, Any] = {"first night": host.store(0, range(devices))}
    _settle(host.engine)
    for night in range(1, nights):
        found[f"night {night}"] = host.store(night, order.sample(range(devices), devices))
    found["bytes"] = _bytes(host.engine, devices)
    host.close()
    return found


def _two_hosts(url: str, devices: int, nights: int) -> dict[str, Any]:
    """Let two processes store at the same moment. Each has devices of its own, and both write to the same tables."""
    StoringHost(url).close()
    spawned = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for number in range(2):
        ours, theirs = spawned.Pipe()
        process = spawned.Process(target=_host, args=(url, number * devices, devices, nights, theirs))
        process.start()
        pipes.append(ours)
        processes.append(process)
    found = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join()
    host = StoringHost(url)
    deadlocks = _ask(host.engine, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    stored = _ask(host.engine, "SELECT count(*) FROM sightings")
    host.close()
    return {"hosts": found, "deadlocks": deadlocks, "stored": stored, "expected": 2 * 3 * devices * nights}


def _host(url: str, first: int, devices: int, nights: int, answers: Connection) -> None:
    host = StoringHost(url, first)
    answers.send([host.store(night, range(devices)) for night in range(nights)])
    host.close()


def _settle(engine: Engine) -> None:
    """Let the database know how many rows there are, as it finds out by itself in time."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _bytes(engine: Engine, devices: int) -> dict[str, Any]:
    """Bytes for each device in each table with its indexes, and for each sighting."""
    if engine.dialect.name != "postgresql":
        size = _ask(engine, "PRAGMA page_count") * _ask(engine, "PRAGMA page_size")
        return {"all, for each device": round(size / devices)}
    found = {}
    for name in _TABLES:
        whole, indexes = (f"pg_{each}('{name}')" for each in ("total_relation_size", "indexes_size"))
        size, of_indexes = _ask(engine, f"SELECT {whole}"), _ask(engine, f"SELECT {indexes}")
        found[name] = {"for each device": round(size / devices), "of these indexes": round(of_indexes / devices)}
    sightings = _ask(engine, "SELECT count(*) FROM sightings")
    found["sightings"]["for each row"] = round(_ask(engine, "SELECT pg_total_relation_size('sightings')") / sightings)
    return found


def _memory(devices: int) -> dict[str, int]:
    """The bytes of a list of known devices: while it is made, and when it serves."""
    serials = [serial_of(number) for number in range(devices)]
    tracemalloc.start()
    known = SerialSet(serials)
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"devices": len(known), "bytes": now, "bytes while it is made": peak}


def _ask(engine: Engine, query: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


if __name__ == "__main__":
    main()
