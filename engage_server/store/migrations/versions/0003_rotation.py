"""Rotation: the audit log's chain, earlier current releases, workers, rotations, and the evidence of each device."""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import EpochSeconds, UtcDateTime

revision = "0003"
down_revision = "0002"

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("installation", sa.Column("audit_entries", sa.Integer, nullable=False, server_default="0"))
    op.add_column("installation", sa.Column("audit_seal", sa.String(64), nullable=False, server_default=""))
    op.add_column("sites", sa.Column("local_addresses", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("releases", sa.Column("key_destroyed_at", UtcDateTime))
    op.add_column("audit_events", sa.Column("before", sa.JSON, nullable=False, server_default="{}"))
    op.add_column("audit_events", sa.Column("reason", sa.Text, nullable=False, server_default=""))
    op.add_column("audit_events", sa.Column("previous", sa.String(64), nullable=False, server_default=""))
    op.add_column("audit_events", sa.Column("hash", sa.String(64), nullable=False, server_default=""))
    _activations()
    _workers()
    _rotations()
    _histories()


def _activations() -> None:
    op.create_table(
        "activations",
        sa.Column("site_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_activations_site_id"),
        sa.PrimaryKeyConstraint("site_id", "position", name="pk_activations"),
    )
    # the releases that were current until now, as far as it is known: by the time of their last activation
    op.execute(
        "INSERT INTO activations (site_id, position, number) "
        "SELECT site_id, ROW_NUMBER() OVER (PARTITION BY site_id ORDER BY activated_at, number), number "
        "FROM releases WHERE activated_at IS NOT NULL"
    )


def _workers() -> None:
    op.create_table(
        "workers",
        sa.Column("worker", sa.String(320), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("listener", sa.String(16), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("served", sa.JSON, nullable=False),
        sa.Column("trouble", sa.JSON, nullable=False),
        sa.Column("seen_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("worker", name="pk_workers"),
    )


def _rotations() -> None:
    op.create_table(
        "rotations",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("way", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("from_release", sa.Integer, nullable=False),
        sa.Column("releases", sa.JSON, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("step_at", UtcDateTime, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("policy", sa.JSON, nullable=False),
        sa.Column("after", sa.JSON, nullable=False),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("started_by", sa.String(128), nullable=False),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("approved", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_rotations_site_id"),
        sa.PrimaryKeyConstraint("number", name="pk_rotations"),
    )
    op.create_index(
        "ix_rotations_one_open",
        "rotations",
        ["site_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _histories() -> None:
    op.create_table(
        "device_histories",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("first_seen", EpochSeconds, nullable=False),
        sa.Column("last_seen", EpochSeconds, nullable=False),
        sa.Column("nights", sa.Integer, nullable=False),
        sa.Column("due_at", EpochSeconds, nullable=False),
        sa.Column("notices", sa.Integer, nullable=False),
        sa.Column("certificates", sa.Integer, nullable=False),
        sa.Column("refusals", sa.Integer, nullable=False),
        sa.Column("failure", sa.String(64), nullable=False),
        sa.Column("fetched_release", sa.Integer, nullable=False),
        sa.Column("finished_release", sa.Integer, nullable=False),
        sa.Column("finished_at", EpochSeconds, nullable=False),
        sa.Column("asked_again_at", EpochSeconds, nullable=False),
        sa.Column("is_shared_address", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_device_histories"),
        sa.UniqueConstraint("identity", "site", name="uq_device_histories_identity"),
    )
    op.create_index(
        "ix_device_histories_adoption",
        "device_histories",
        [
            "site",
            "is_shared_address",
            "finished_release",
            "due_at",
            "first_seen",
            "finished_at",
            "last_seen",
            "certificates",
        ],
    )
    op.create_table(
        "release_histories",
        sa.Column("device_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("release", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("grade", sa.SmallInteger, nullable=False),
        sa.Column("reached_at", EpochSeconds, nullable=False),
        sa.PrimaryKeyConstraint("device_id", "release", name="pk_release_histories"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_release_histories_grade", "release_histories", ["site", "release", "grade"])
    op.create_table(
        "device_addresses",
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("serial", sa.String(32), nullable=False),
        sa.Column("seen_at", EpochSeconds, nullable=False),
        sa.PrimaryKeyConstraint("address", "site", "serial", name="pk_device_addresses"),
        sqlite_with_rowid=False,
    )
