"""Whose turn it is to ask an operator of SIMs, and what was last heard there."""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "sim_polls",
        sa.Column("account", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("held_until", UtcDateTime, nullable=False),
        sa.Column("memory", sa.Text, nullable=False),
    )
