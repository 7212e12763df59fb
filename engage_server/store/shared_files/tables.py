"""The tables of devices' files that all hosts share (decision 69)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from engage_server.store.tables import UtcDateTime, metadata

# One row for each site whose files are or were shared. It is locked before a number is given: so numbers are seen in
# their order, and no reader skips one that another host has not committed yet.
shared_sites = Table(
    "shared_sites",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True, autoincrement=False),
    Column("journal", String(8), nullable=False),
    Column("changes", BigInteger, nullable=False),
    Column("uploads", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

# What operators give to devices. Rows are never changed, except for ``is_current``. A removed device leaves one
# row without content, so that every host removes its copy.
shared_files = Table(
    "shared_files",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True, autoincrement=False),
    Column("change", BigInteger, primary_key=True, autoincrement=False),
    Column("serial", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("is_current", Boolean, nullable=False),
    Column("version", String(18), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("length", Integer, nullable=False),
    Column("content_sealed", LargeBinary, nullable=False),
    Column("put_at", UtcDateTime, nullable=False),
)
Index("ix_shared_files_serial", shared_files.c.site_id, shared_files.c.serial, shared_files.c.kind)

# What devices uploaded, each once. Imported ones have no number: they came to another host, at another time.
shared_uploads = Table(
    "shared_uploads",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("serial", String(32), nullable=False),
    Column("collection", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("number", BigInteger),
    Column("length", Integer, nullable=False),
    Column("content_sealed", LargeBinary, nullable=False),
    Column("stored_at", UtcDateTime, nullable=False),
    UniqueConstraint("site_id", "serial", "collection", "digest"),
)
Index("ix_shared_uploads_number", shared_uploads.c.site_id, shared_uploads.c.number)
Index("ix_shared_uploads_stored_at", shared_uploads.c.site_id, shared_uploads.c.stored_at)

# How far each reader of a site's list of uploads has come: the greatest number that it asked to go on after.
shared_readers = Table(
    "shared_readers",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True, autoincrement=False),
    Column("reader", String(64), primary_key=True),
    Column("journal", String(8), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("read_at", UtcDateTime, nullable=False),
)

# The last word of each device: its parameters, and its last call for a database.
shared_reports = Table(
    "shared_reports",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True, autoincrement=False),
    Column("serial", String(32), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("version", String(18), nullable=False),
    Column("content_sealed", LargeBinary, nullable=False),
)
