"""Releases keep the hosts that they were staged for. Of those staged before, nobody wrote them down: none."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("releases", sa.Column("hosts", sa.JSON, nullable=False, server_default="[]"))
