"""Where alerts go, what waits to be sent, and what is known of backups and drills."""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    _recipients()
    _outbox()
    _marks()
    _backup_runs()


def _recipients() -> None:
    op.create_table(
        "alert_recipients",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("terms", sa.JSON, nullable=False),
        sa.Column("sites", sa.JSON(none_as_null=True)),
        sa.Column("kinds", sa.JSON, nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary),
        sa.Column("added_at", UtcDateTime, nullable=False),
        sa.Column("off_since", UtcDateTime),
        sa.Column("off_why", sa.Text, nullable=False, server_default=""),
    )


def _outbox() -> None:
    op.create_table(
        "alert_outbox",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("recipient", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("period", sa.String(64), nullable=False),
        sa.Column("message", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=False),
        sa.Column("held_until", UtcDateTime),
        sa.Column("holder", sa.String(320), nullable=False, server_default=""),
        sa.Column("made_at", UtcDateTime, nullable=False),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("trouble", sa.Text, nullable=False, server_default=""),
        sa.UniqueConstraint("recipient", "kind", "site", "period"),
    )
    op.create_index("ix_alert_outbox_state", "alert_outbox", ["state", "due_at"])


def _marks() -> None:
    op.create_table(
        "alert_marks",
        sa.Column("topic", sa.String(32), primary_key=True),
        sa.Column("about", sa.String(64), primary_key=True),
        sa.Column("recipient", sa.String(64), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )


def _backup_runs() -> None:
    op.create_table(
        "backup_runs",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("is_good", sa.Boolean, nullable=False),
        sa.Column("file", sa.String(255), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("audit_head", sa.String(96), nullable=False),
    )
    op.create_index("ix_backup_runs_step", "backup_runs", ["step", "is_good", "at"])
