"""When each link was registered and removed, and when it worked before the present run."""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    for name in ("worked_since", "worked_until", "registered_at", "removed_at"):
        op.add_column("link_standings", sa.Column(name, UtcDateTime))
