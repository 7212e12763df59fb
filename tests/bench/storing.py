"""One process that stores a night's sightings from a spool of its own, and counts its CPU and that of its database.

The machine is often shared. So CPU is counted beside the clock: of this process, and of PostgreSQL's process that works
for it, by the kernel's nanoseconds.
"""

import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from engage_server.services.evidence.spool import SEGMENT_BYTES, SUFFIX
from engage_server.services.evidence.transfer import SightingTransfer
from engage_server.serving.worker.loop import COLLECTIONS, SWITCH_SECONDS
from engage_server.store.database.engine import create_sqlite_file, open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.databases import upgrade

_FIRST_NIGHT = datetime.now(UTC).replace(microsecond=0) - timedelta(days=300)
_NIGHT_SECONDS = 4 * 3600
_HOST = "locks.example.org"


class StoringHost:
    """A host that stores into a database, which may have other hosts.

    Args:
        url: The database. Its tables are made if they are not there.
        first: The number of its first device.
    """

    def __init__(self, url: str, first: int = 0) -> None:
        gc.freeze()  # as the worker that stores: see its loop
        gc.set_threshold(*COLLECTIONS)
        sys.setswitchinterval(SWITCH_SECONDS)
        create_sqlite_file(url)
        name = f"&application_name=host{os.getpid()}" if "?" in url else ""  # so that each counts its own connections
        self.engine = open_engine(url + name)
        self._store = SqlStore(self.engine, upgrade(self.engine).sealer)
        self._first = first

    def store(self, night: int, devices: Sequence[int]) -> dict[str, Any]:
        """Store a night of these devices: a notice, a handshake, and the handshake again when its device is known."""
        with tempfile.TemporaryDirectory() as folder:
            count = sum(_spool(Path(folder), lines) for lines in _night(night, [self._first + n for n in devices]))
            transfer = SightingTransfer(Path(folder), self._store, timedelta(days=90))
            begun, own, databases = time.perf_counter(), time.process_time(), database_seconds(self.engine)
            stored = transfer.run(datetime.now(UTC)).stored
            seconds, own = time.perf_counter() - begun, time.process_time() - own
            databases = database_seconds(self.engine) - databases
        if stored != count:
            raise RuntimeError(f"{stored} of {count} sightings were stored")
        return {
            "sightings": count,
            "sightings_per_second": round(count / seconds),
            "microseconds_of_process": round(own / count * 1e6, 1),
            "microseconds_of_database": round(databases / count * 1e6, 1),
            "load": round(os.getloadavg()[0], 1),
        }

    def close(self) -> None:
        """Close the store."""
        self._store.close()
        self.engine.dispose()


def database_seconds(engine: Engine) -> float:
    """The CPU that PostgreSQL's processes for this process have used. SQLite has none."""
    if engine.dialect.name != "postgresql":
        return 0.0
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = current_setting('application_name')"
    with engine.connect() as connection:
        pids = connection.scalars(text(query)).all()
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) for pid in pids) / 1e9


def _night(night: int, devices: Sequence[int]) -> Iterator[list[str]]:
    """The lines of the plain instance's worker, then those of the TLS instance's."""
    begin = (_FIRST_NIGHT + timedelta(days=night)).timestamp()
    notices, handshakes = [], []
    for turn, device in enumerate(devices):
        at = begin + turn * _NIGHT_SECONDS / len(devices)
        serial, address = _serial(device), f"10.{device >> 16 & 255}.{device >> 8 & 255}.{device & 255}"
        notices.append(_line("notice", at, "http", address, serial, "", "", "", _HOST))
        handshakes.append(_line("handshake_finished", at + 0.2, "https", address, None, "TLSv1.2"))
        handshakes.append(_line("handshake_finished", at + 0.3, "https", address, serial, "TLSv1.2"))
    yield notices
    yield handshakes


def _line(kind: str, at: float, listener: str, address: str, serial: str | None, version: str, *rest: str) -> str:
    return json.dumps([kind, at, listener, address, serial, "main", 1, version, "", False, *rest]) + "\n"


def _serial(device: int) -> str:
    """Not in the order of the numbers, and different in its last digits, too."""
    return f"{device * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128):032X}"


def _spool(folder: Path, lines: Sequence[str]) -> int:
    """Write files of the size that workers write."""
    in_one = SEGMENT_BYTES // 128
    for first in range(0, len(lines), in_one):
        content = "".join(lines[first : first + in_one])
        (folder / f"{os.urandom(16).hex()}{SUFFIX}").write_text(content, encoding="ascii")
    return len(lines)
