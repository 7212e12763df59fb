"""An index that finds the refusals and downloads of an address: they name no device."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

_UNNAMED = sa.text("serial IS NULL AND kind <> 'handshake_finished'")


def upgrade() -> None:
    op.create_index(
        "ix_sightings_unnamed",
        "sightings",
        ["address", "at", "id"],
        sqlite_where=_UNNAMED,
        postgresql_where=_UNNAMED,
    )
