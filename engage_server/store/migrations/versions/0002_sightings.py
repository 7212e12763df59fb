"""Sightings, and how far each spool file is stored."""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "sightings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("listener", sa.String(8), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("serial", sa.String(32)),
        sa.Column("site", sa.String(64)),
        sa.Column("release", sa.Integer),
        sa.Column("tls_version", sa.String(16), nullable=False),
        sa.Column("failure", sa.String(64), nullable=False),
        sa.Column("resumed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sightings"),
    )
    op.create_index("ix_sightings_at", "sightings", ["at"])
    op.create_index("ix_sightings_serial", "sightings", ["serial"])
    op.create_table(
        "spool_offsets",
        sa.Column("segment", sa.String(64), nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("changed_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("segment", name="pk_spool_offsets"),
    )
