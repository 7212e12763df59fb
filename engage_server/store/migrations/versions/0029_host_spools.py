"""What waits on the disk of each host alone, as far as it has said."""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "host_spools",
        sa.Column("host", sa.String(255), primary_key=True),
        sa.Column("waiting_bytes", sa.BigInteger, nullable=False),
        sa.Column("said_at", UtcDateTime, nullable=False),
    )
