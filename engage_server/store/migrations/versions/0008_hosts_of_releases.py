"""Releases store the hosts that they were staged for. Those staged before have none: the hosts were not recorded."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("releases", sa.Column("hosts", sa.JSON, nullable=False, server_default="[]"))
