"""Which host each device called last: who has to follow when a host is removed. Of those seen before, not known."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("device_histories", sa.Column("host", sa.String(253), nullable=False, server_default=""))
