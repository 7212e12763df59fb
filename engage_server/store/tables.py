"""The tables. A change here needs a migration in ``migrations/versions``. A test compares the two.

Indexes over a part of a table's rows are in ``partial_indexes``.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
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
        """Reject times without a zone: the moment that they mean is not known."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Restore the zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class EpochSeconds(TypeDecorator[datetime]):
    """An aware UTC time as whole seconds since 1970: a few bytes, for tables of millions of rows. 0 is no time."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int:
        """Convert to seconds."""
        return 0 if value is None else int(value.timestamp())

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Convert from seconds."""
        return datetime.fromtimestamp(value, UTC) if value else None


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# One row. ``generation`` grows with every change that servers must follow; ``audit_...`` seal the audit log's end.
installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("generation", Integer, nullable=False),
    Column("seal_probe", LargeBinary, nullable=False),
    Column("release_seal_probe", LargeBinary),
    Column("audit_entries", Integer, nullable=False, server_default="0"),
    Column("audit_end", String(64), nullable=False, server_default=""),
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
    Column("local_addresses", JSON, nullable=False, server_default="[]"),
    Column("call_in", JSON, nullable=False, server_default="{}"),
    Column("evidence", String(16), nullable=False, server_default="any"),
    Column("for_trials", Boolean, nullable=False, server_default=text("false")),
    Column("approvals", SmallInteger, nullable=False, server_default="0"),
    Column("title", String(80), nullable=False, server_default=""),
    Column("time_zone", String(64), nullable=False, server_default="UTC"),
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
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    Column("is_unseen", SmallInteger, nullable=False, server_default="0"),  # see store.evidence.standing
)
Index("ix_devices_site_id", devices.c.site_id, devices.c.serial)  # for pages of a site's list

# The certificates that the vendor's sample served, under its names for them.
static_certificates = Table(
    "static_certificates",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True, autoincrement=False),
    Column("name", String(255), primary_key=True),
    Column("der", LargeBinary, nullable=False),
)

# Rows are deleted only with their site, or if the release was never more than staged. Only ``state``, the later times
# and the key ever change. The key is emptied when it is destroyed.
releases = Table(
    "releases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("anchor_der", LargeBinary, nullable=False),
    Column("anchor_hash", String(28), nullable=False),
    Column("chain_der", LargeBinary, nullable=False, server_default=""),
    Column("root_der", LargeBinary, nullable=False),
    Column("private_key_sealed", LargeBinary, nullable=False),
    Column("public_key", LargeBinary),
    Column("staged_at", UtcDateTime, nullable=False),
    Column("activated_at", UtcDateTime),
    Column("retired_at", UtcDateTime),
    Column("key_destroyed_at", UtcDateTime),
    Column("hosts", JSON, nullable=False, server_default="[]"),
    UniqueConstraint("site_id", "number"),
)

# The releases that were current, in the order of their activation: a stack. A rollback removes the top.
activations = Table(
    "activations",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
)

# The ids have no gap, and each row holds the hash of the previous one.
audit_events = Table(
    "audit_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("site", String(64), nullable=False),
    Column("facts", JSON, nullable=False),
    Column("before", JSON, nullable=False, server_default="{}"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("previous", String(64), nullable=False, server_default=""),
    Column("hash", String(64), nullable=False, server_default=""),
    Column("earlier_hash", String(64), nullable=False, server_default=""),  # under the key of an earlier version
)
# For pages of the log: each filter has its entries in the order of the log.
for _filter in ("site", "actor", "action"):
    Index(f"ix_audit_events_{_filter}", audit_events.c[_filter], audit_events.c.id)
Index("ix_audit_events_at", audit_events.c.at)

# The last report of each worker, until it signs off, is replaced, or its host is forgotten.
workers = Table(
    "workers",
    metadata,
    Column("worker", String(320), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("listener", String(16), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("served", JSON, nullable=False),
    Column("trouble", JSON, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("prepared", Integer, nullable=False, server_default="0"),
    Column("switched_at", UtcDateTime),
    Column("late_seconds", Float),
    Column("clock_offset", Float),
)

# The newest announced changes, and the moment at which all workers begin to serve each.
switches = Table(
    "switches",
    metadata,
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("announced_at", UtcDateTime, nullable=False),
    Column("switch_at", UtcDateTime),
)

# What each host last said about what waits on its disk alone. A host that dies takes it along.
host_spools = Table(
    "host_spools",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("waiting_bytes", BigInteger, nullable=False),
    Column("said_at", UtcDateTime, nullable=False),
    Column("copy_behind_since", UtcDateTime),
)

rotations = Table(
    "rotations",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("way", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("from_release", Integer, nullable=False),
    Column("releases", JSON, nullable=False),
    Column("step", Integer, nullable=False),
    Column("step_at", UtcDateTime, nullable=False),
    Column("folder", Text, nullable=False),
    Column("policy", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("started_by", String(128), nullable=False),
    Column("ended_at", UtcDateTime),
    Column("why", Text, nullable=False),
    Column("looked_at", UtcDateTime),
    Column("looked_boot", String(64), nullable=False, server_default=""),
    Column("looked_clock", Float, nullable=False, server_default="0"),
    Column("soaked_seconds", Float, nullable=False, server_default="0"),
    Column("unsure_until", UtcDateTime),
    Column("unsure_why", Text, nullable=False, server_default=""),
    Column("postponed_since", UtcDateTime),
)

# Rows of their own, so that no change of a rotation can overwrite one.
approvals = Table(
    "approvals",
    metadata,
    Column("rotation", Integer, ForeignKey("rotations.number"), primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("person", String(128), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("is_alone", Boolean, nullable=False),
)

# What devices did. Rows are only added, and removed when they are old. ``site`` is a name, so that a sighting outlives
# its site.
sightings = Table(
    "sightings",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("listener", String(8), nullable=False),
    Column("address", String(64), nullable=False),
    Column("serial", String(32)),
    Column("site", String(64)),
    Column("release", Integer),
    Column("tls_version", String(16), nullable=False),
    Column("failure", String(64), nullable=False),
    Column("resumed", Boolean, nullable=False),
    Column("authenticated", Boolean, nullable=False, server_default=text("false")),
    Column("disregarded", String(32), nullable=False, server_default=""),
)

Index("ix_sightings_serial", sightings.c.serial, sightings.c.at, sightings.c.id)  # for pages of one device
# Refusals and downloads carry no serial number. Finished handshakes are left out: they are many, and come again named.
UNNAMED = text("serial IS NULL AND kind <> 'handshake_finished'")

# How far each spool file of each host is stored in ``sightings``: adding the same lines again is then harmless.
spool_offsets = Table(
    "spool_offsets",
    metadata,
    Column("segment", String(64), primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)


# The evidence: a row for each device of a site, for each release that it met, and for each address that it called from.
# The rows are small, because there may be a million devices, and they are kept for good.
device_histories = Table(
    "device_histories",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("identity", String(64), nullable=False),
    Column("first_seen", EpochSeconds, nullable=False),
    Column("last_seen", EpochSeconds, nullable=False),
    Column("nights", Integer, nullable=False),
    Column("due_at", EpochSeconds, nullable=False),
    Column("notices", Integer, nullable=False),
    Column("certificates", Integer, nullable=False),
    Column("refusals", Integer, nullable=False),
    Column("failure", String(64), nullable=False),
    Column("fetched_release", Integer, nullable=False),
    Column("finished_release", Integer, nullable=False),
    Column("finished_at", EpochSeconds, nullable=False),
    Column("asked_again_at", EpochSeconds, nullable=False),
    Column("is_shared_address", SmallInteger, nullable=False),
    Column("report", String(64), nullable=False, server_default=""),
    Column("reported_at", EpochSeconds, nullable=False, server_default="0"),
    Column("anchor_failed_at", EpochSeconds, nullable=False, server_default="0"),
    Column("home", String(64), nullable=False, server_default=""),
    Column("home_since", EpochSeconds, nullable=False, server_default="0"),
    Column("home_seen_at", EpochSeconds, nullable=False, server_default="0"),
    Column("home_nights", Integer, nullable=False, server_default="0"),
    Column("tls_nights", Integer, nullable=False, server_default="0"),
    Column("refused_at", EpochSeconds, nullable=False, server_default="0"),
    Column("away", String(64), nullable=False, server_default=""),
    Column("away_since", EpochSeconds, nullable=False, server_default="0"),
    Column("away_seen_at", EpochSeconds, nullable=False, server_default="0"),
    Column("away_nights", Integer, nullable=False, server_default="0"),
    Column("away_tls_nights", Integer, nullable=False, server_default="0"),
    Column("away_turns", Integer, nullable=False, server_default="0"),
    Column("away_release", Integer, nullable=False, server_default="0"),
    Column("away_finished_at", EpochSeconds, nullable=False, server_default="0"),
    Column("is_contested", SmallInteger, nullable=False, server_default="0"),
    Column("authenticated_release", Integer, nullable=False, server_default="0"),
    Column("authenticated_at", EpochSeconds, nullable=False, server_default="0"),
    Column("authenticated_nights", Integer, nullable=False, server_default="0"),
    Column("token_time", BigInteger, nullable=False, server_default="0"),
    Column("host", String(253), nullable=False, server_default=""),
    Column("standing", SmallInteger, nullable=False, server_default="0"),  # see store.evidence.standing
    UniqueConstraint("identity", "site"),  # the most selective column first, whatever the planner's statistics
)
# This index alone answers what the gate counts, which releases devices met, and who is due. For devices that the gate
# suspects, the two others say whether another device shares their address.
Index(
    "ix_device_histories_adoption",
    device_histories.c.site,
    device_histories.c.standing,
    device_histories.c.finished_release,
    device_histories.c.fetched_release,
    device_histories.c.due_at,
    device_histories.c.first_seen,
    device_histories.c.finished_at,
    device_histories.c.last_seen,
    device_histories.c.certificates,
    device_histories.c.anchor_failed_at,
    device_histories.c.refusals,
    device_histories.c.refused_at,
    device_histories.c.home_since,
    device_histories.c.tls_nights,
    device_histories.c.is_contested,
    device_histories.c.away_seen_at,
    device_histories.c.authenticated_release,
    device_histories.c.authenticated_at,
    device_histories.c.authenticated_nights,
    device_histories.c.identity,
    device_histories.c.home,
    device_histories.c.host,
)
Index("ix_device_histories_home", device_histories.c.site, device_histories.c.home)

release_histories = Table(
    "release_histories",
    metadata,
    Column("device_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("release", Integer, primary_key=True, autoincrement=False),
    Column("site", String(64), nullable=False),
    Column("grade", SmallInteger, nullable=False),
    Column("reached_at", EpochSeconds, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_release_histories_grade", release_histories.c.site, release_histories.c.release, release_histories.c.grade)

device_addresses = Table(
    "device_addresses",
    metadata,
    Column("address", String(64), primary_key=True),
    Column("site", String(64), primary_key=True),
    Column("serial", String(32), primary_key=True),
    Column("seen_at", EpochSeconds, nullable=False),
    sqlite_with_rowid=False,
)
