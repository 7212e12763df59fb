"""The tables. A change here needs a migration in ``migrations/versions``; a test compares the two."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time: ``timestamptz`` on PostgreSQL, a naive UTC text on SQLite, which knows no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times: nobody could say which moment they mean."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone can not be stored")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# One row. ``generation`` grows with every change that servers must follow.
installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("generation", Integer, nullable=False),
    Column("seal_probe", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="single_row"),
)

sites = Table(
    "sites",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("anchor", String(16), nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("device_networks", JSON, nullable=False),
    Column("site_key_sealed", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
Index(
    "ix_sites_one_default",
    sites.c.is_default,
    unique=True,
    sqlite_where=text("is_default = 1"),
    postgresql_where=text("is_default"),
)

site_hosts = Table(
    "site_hosts",
    metadata,
    Column("host", String(253), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
)

devices = Table(
    "devices",
    metadata,
    Column("serial", String(32), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False, index=True),
    Column("added_at", UtcDateTime, nullable=False),
)

# Rows are never deleted, and only ``state`` and the two later times ever change.
releases = Table(
    "releases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("anchor_der", LargeBinary, nullable=False),
    Column("anchor_hash", String(28), nullable=False),
    Column("chain_pem", LargeBinary, nullable=False),
    Column("root_der", LargeBinary, nullable=False),
    Column("private_key_sealed", LargeBinary, nullable=False),
    Column("staged_at", UtcDateTime, nullable=False),
    Column("activated_at", UtcDateTime),
    Column("retired_at", UtcDateTime),
    UniqueConstraint("site_id", "number"),
)
Index(
    "ix_releases_one_current",
    releases.c.site_id,
    unique=True,
    sqlite_where=text("state = 'current'"),
    postgresql_where=text("state = 'current'"),
)

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("site", String(64), nullable=False),
    Column("facts", JSON, nullable=False),
)

# What devices did. Rows are only added, and removed when they are old; ``site`` is a name, so that a sighting outlives
# what it tells of.
sightings = Table(
    "sightings",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("listener", String(8), nullable=False),
    Column("address", String(64), nullable=False),
    Column("serial", String(32), index=True),
    Column("site", String(64)),
    Column("release", Integer),
    Column("tls_version", String(16), nullable=False),
    Column("failure", String(64), nullable=False),
    Column("resumed", Boolean, nullable=False),
)

# How far each spool file of each host is in ``sightings``: what makes adding them again harmless.
spool_offsets = Table(
    "spool_offsets",
    metadata,
    Column("segment", String(64), primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)
