"""Databases with the tables of this version: migrated once in each process, and copied for each test.

What the migrations do has tests of its own, on databases that are empty or of an earlier version.
"""

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from engage_server.records import Secret
from engage_server.store import schema
from engage_server.store.database.engine import create_sqlite_file, open_engine
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.sealing import Sealer
from tests.support.postgresql import PostgresServer

KEK = KeyEncryptionKey(Secret(bytes(32)))  # of every copy
INSTALLATION_KEY = Secret(bytes([7]) * 32)
SEALER = Sealer(INSTALLATION_KEY)  # the same for databases that a test makes by upgrade()


def upgrade(engine: Engine, key: KeyEncryptionKey = KEK, *, reason: str = "") -> schema.Upgrade:
    """Make the tables, or update them. A new installation key is the one of SEALER."""
    return schema.upgrade(engine, key, reason=reason, installation_key=INSTALLATION_KEY)


def migrated_sqlite(path: Path) -> str:
    """The URL of a fresh copy at this place."""
    url = f"sqlite:///{path}"
    create_sqlite_file(url)
    path.write_bytes(_sqlite())
    return url


def migrated_postgresql(server: PostgresServer) -> str:
    """The URL of a fresh copy on this server."""
    return server.new_database(template=_on(server))


@cache
def _sqlite() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "engage.db"
        create_sqlite_file(f"sqlite:///{path}")
        _migrate(f"sqlite:///{path}")
        return path.read_bytes()  # whole: who closes last brings the write-ahead log in


@cache
def _on(server: PostgresServer) -> str:
    url = server.new_database()
    _migrate(url)
    return server.name_of(url)


def _migrate(url: str) -> None:
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
