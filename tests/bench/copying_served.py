"""What the copy for a start without the database takes, by the devices that an installation knows."""

import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text

from engage_server.services.distribution.snapshot import take_snapshot
from engage_server.store.copying.served import mark_of, mark_of_copy, open_copy, write_copy
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.installation import make_installation
from tests.support.postgresql import PostgresServer

_ADD = (
    "INSERT INTO devices (serial, site_id, added_at, is_unseen) "
    "SELECT lpad(upper(to_hex(16000000 + i)), 32, '0'), (SELECT min(id) FROM sites), now(), 1 "
    "FROM generate_series(1, :devices) AS i"
)


def copy_of(server: PostgresServer, devices: int) -> dict[str, Any]:
    """Write the copy, check it as a process does when it starts, and build what is served from it.

    Args:
        server: Where the installation's database is made.
        devices: How many are on its site's list.
    """
    with tempfile.TemporaryDirectory() as place:
        folder, url = Path(place), server.new_database()
        make_installation(folder, ENGAGE_DATABASE_URL=url)
        database, copy = open_engine(url), folder / "served.db"
        with database.begin() as connection:
            connection.execute(text(_ADD), {"devices": devices})
        found = {"devices": devices, "look": _taken(lambda: mark_of(database))}
        found["write"] = _taken(lambda: write_copy(database, copy))
        found["bytes"] = copy.stat().st_size
        found["check"] = _taken(lambda: mark_of_copy(copy))
        store = SqlStore(open_copy(copy), None)
        found["start"] = _taken(lambda: take_snapshot(store, 80, with_private_keys=False))
        if len(take_snapshot(store, 80, with_private_keys=False).members["main"]) != devices:
            raise RuntimeError("the copy has other devices than the database")
        database.dispose()
    return found


def _taken(work: Any) -> dict[str, float]:
    """By the clock, and the CPU of this process."""
    begun, own = time.perf_counter(), time.process_time()
    work()
    return {"seconds": round(time.perf_counter() - begun, 3), "cpu": round(time.process_time() - own, 3)}
