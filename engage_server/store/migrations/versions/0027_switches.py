"""The moment at which all workers begin to serve a change, and what each reports about it."""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "switches",
        sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("announced_at", UtcDateTime, nullable=False),
        sa.Column("switch_at", UtcDateTime),
    )
    op.add_column("workers", sa.Column("prepared", sa.Integer, nullable=False, server_default="0"))
    op.add_column("workers", sa.Column("switched_at", UtcDateTime))
    op.add_column("workers", sa.Column("late_seconds", sa.Float))
    op.add_column("workers", sa.Column("clock_offset", sa.Float))
