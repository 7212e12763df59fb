"""The tables of keys: of the same schema as those in ``store.tables``, and with migrations as they have."""

from sqlalchemy import Boolean, CheckConstraint, Column, Integer, LargeBinary, String, Table, Text, text

from engage_server.store.tables import UtcDateTime, metadata

# The installation key, once for each key-encryption key that is accepted.
key_wraps = Table(
    "key_wraps",
    metadata,
    Column("key_id", String(16), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
)

# One row while the key-encryption key is being changed.
key_rotations = Table(
    "key_rotations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("old", String(16), nullable=False),
    Column("new", String(16), nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("begun_by", String(128), nullable=False),
    Column("is_decided", Boolean, nullable=False, server_default=text("false")),
    CheckConstraint("id = 1", name="single_row"),
)

# What each process that needs the key-encryption key last got from its source.
key_holders = Table(
    "key_holders",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("place", String(1024), primary_key=True),
    Column("key_id", String(16), nullable=False),
    Column("source", Text, nullable=False),
    Column("trouble", Text, nullable=False, server_default=""),
    Column("read_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)
