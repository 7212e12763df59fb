"""When the last cut of each link began and ended, and since when the path keeps a rotation's gate from deciding."""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    for name in ("restored_at", "cut_since", "cut_at", "cut_until"):
        op.add_column("link_standings", sa.Column(name, UtcDateTime))
    op.execute("UPDATE link_standings SET cut_since = trouble_since, cut_at = trouble_at WHERE trouble = 'cut'")
    op.add_column("rotations", sa.Column("postponed_since", UtcDateTime))
