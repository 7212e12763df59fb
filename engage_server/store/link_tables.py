"""The tables of the links. They belong to the same schema as those in ``tables``, and need migrations as they do."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from engage_server.store.tables import UtcDateTime, metadata

# What links reported about the path to a site. Rows are only added, and removed when they are old. ``site`` is a name,
# as in ``sightings``. ``is_folded`` says whether ``link_standings`` has taken the event in.
path_events = Table(
    "path_events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("link", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("kind", String(64), nullable=False),
    Column("says", String(16), nullable=False),
    Column("detail", JSON, nullable=False),
    Column("key", String(64)),
    Column("is_folded", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("link", "key"),  # NULL is never equal to another
)
Index("ix_path_events_site", path_events.c.site, path_events.c.at)

# What all events of each link say together. A removed link keeps its row as long as events are kept.
link_standings = Table(
    "link_standings",
    metadata,
    Column("link", String(64), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("partner", String(16), nullable=False),
    Column("expects_seconds", Integer, nullable=False),
    Column("works_since", UtcDateTime),
    Column("works_at", UtcDateTime),
    Column("works_by", String(64), nullable=False),
    Column("trouble", String(16), nullable=False),
    Column("trouble_since", UtcDateTime),
    Column("trouble_at", UtcDateTime),
    Column("trouble_by", String(64), nullable=False),
    Column("restored_at", UtcDateTime),
    Column("registered_at", UtcDateTime),
    Column("removed_at", UtcDateTime),
    Column("former_site", String(64), nullable=False, server_default=""),
    Column("marks", JSON, nullable=False, server_default="[]"),
    Column("cuts", JSON, nullable=False, server_default="[]"),
)

kpn_devices = Table(
    "kpn_devices",
    metadata,
    Column("imei", String(15), primary_key=True),
    Column("link", String(64), nullable=False),
    Column("iccid", String(22), nullable=False),
    Column("msisdn", String(16), nullable=False),
    Column("rate_plan", String(64), nullable=False),
    Column("sim_type", String(8), nullable=False),
    Column("secret_sealed", LargeBinary),
    Column("added_at", UtcDateTime, nullable=False),
)

kpn_downlinks = Table(
    "kpn_downlinks",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("imei", String(15), ForeignKey("kpn_devices.imei"), nullable=False, index=True),
    Column("channel", String(8), nullable=False),
    Column("content", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("queued_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

# Whose turn it is to ask an operator of SIMs, and what the last one who did remembers. ``version`` grows with each
# turn: whoever changes a row names the version that they know.
sim_polls = Table(
    "sim_polls",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("held_until", UtcDateTime, nullable=False),
    Column("memory", Text, nullable=False),
)
