"""What a pair has stored of its devices."""

from pathlib import Path

from engage_server.records import Secret, Sighting
from engage_server.store.database.engine import open_engine
from engage_server.store.sealing import Sealer
from engage_server.store.sql_store import SqlStore
from tests.support.stored import stored_sightings


def sightings(url: str) -> list[Sighting]:
    """What the database holds."""
    engine = open_engine(url)
    try:
        return stored_sightings(SqlStore(engine, Sealer(Secret(bytes(32)))))
    finally:
        engine.dispose()


def sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'data' / 'engage.db'}"
