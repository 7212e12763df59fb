"""A database that an earlier version of the program made: schema 0024, before there was an installation key.

The dump is what that version wrote, to the letter. Its site keys, its release key and its log's entries are known here.
"""

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, create_engine, text
from sqlalchemy.engine import Engine

from engage_server.records import Secret
from engage_server.store import schema
from engage_server.store.database.engine import create_sqlite_file, open_engine
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey

KEK_TEXT = b"Q5LUTFhYZ3C7mRPgju3cbgL+gbwUkEqkmqVsDLWUrCI=\n"
KEK = KeyEncryptionKey.from_text(KEK_TEXT, "the key of before")
RELEASE_KEY_TEXT = b"engage-release-key:kPNW8p2/lIUYB5yM1VZV7zymBMGpah/HZ6BBnzSIunU=\n"
SITE_KEYS = {"main": Secret(b"k" * 32), "north": Secret(b"n" * 32)}
RECIPIENTS_SECRET = Secret(b"whsec-of-the-office")
HEAD = "6:892c4c1caf7ce65bb02f7c4de590f699e0e9b7ab3b0e5b1017d7cb8e99f96995"
NOTED = "4:fce66115e8c8d1faf0304fb359799d5e063bffdffe074c8d2f21c65af1a24748"
_DUMP = Path(__file__).parents[1] / "assets" / "earlier" / "schema-0024.sql"


def make_sqlite(path: Path) -> str:
    """Put the database at this place, and return its URL."""
    url = f"sqlite:///{path}"
    create_sqlite_file(url)
    connection = sqlite3.connect(path)
    connection.executescript(_DUMP.read_text())
    connection.close()
    return url


def make_on(url: str, folder: Path) -> Engine:
    """Put the same rows into any empty database, whose tables Alembic makes as of then."""
    if url.startswith("sqlite"):
        return open_engine(make_sqlite(Path(url.removeprefix("sqlite:///"))))
    source = create_engine(make_sqlite(folder / "dumped.db"))
    engine = open_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0024")
    tables = MetaData()
    tables.reflect(engine)
    with source.connect() as before, engine.begin() as connection:
        for table in tables.sorted_tables:
            rows = [dict(row) for row in before.execute(table.select()).mappings()]
            if rows and table.name != "alembic_version":
                connection.execute(table.insert(), rows)
    source.dispose()
    return engine


def change(engine: Engine, *statements: str) -> None:
    """Write to the database as somebody without a key can."""
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
