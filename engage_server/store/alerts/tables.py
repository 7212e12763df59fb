"""The tables of alerts and of backups: of the same schema as those in ``tables``, and with migrations as they have."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from engage_server.store.tables import UtcDateTime, metadata

alert_recipients = Table(
    "alert_recipients",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("channel", String(16), nullable=False),
    Column("terms", JSON, nullable=False),
    Column("sites", JSON(none_as_null=True)),  # NULL: all sites
    Column("kinds", JSON, nullable=False),
    Column("secret_sealed", LargeBinary),
    Column("added_at", UtcDateTime, nullable=False),
    Column("off_since", UtcDateTime),
    Column("off_why", Text, nullable=False, server_default=""),
)

# One row decides over all nodes whether something was told. ``site`` is a name, as in ``sightings``; "" for several.
alert_outbox = Table(
    "alert_outbox",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("recipient", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("site", String(64), nullable=False),
    Column("period", String(64), nullable=False),
    Column("message", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("held_until", UtcDateTime),
    Column("holder", String(320), nullable=False, server_default=""),
    Column("made_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("trouble", Text, nullable=False, server_default=""),
    UniqueConstraint("recipient", "kind", "site", "period"),
)
Index("ix_alert_outbox_state", alert_outbox.c.state, alert_outbox.c.due_at)

# What all nodes remember of what was said: how far the audit log was read, and what lasts since when.
alert_marks = Table(
    "alert_marks",
    metadata,
    Column("topic", String(32), primary_key=True),
    Column("about", String(64), primary_key=True),
    Column("recipient", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("version", Integer, nullable=False),
)

backup_runs = Table(
    "backup_runs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("step", String(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("is_good", Boolean, nullable=False),
    Column("file", String(255), nullable=False),
    Column("host", String(255), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("why", Text, nullable=False),
    Column("audit_head", String(96), nullable=False),
)
Index("ix_backup_runs_step", backup_runs.c.step, backup_runs.c.is_good, backup_runs.c.at)
