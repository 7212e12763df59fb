"""The host that each device called last: who must change when a host is removed. Not known for earlier devices."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("device_histories", sa.Column("host", sa.String(253), nullable=False, server_default=""))
