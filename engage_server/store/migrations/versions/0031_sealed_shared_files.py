"""Contents of shared files are sealed, uploads have an age and readers, and hosts say how old their copy is.

The contents themselves are sealed by :mod:`engage_server.store.schema`, which has the key.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0031"
down_revision = "0029"


def upgrade() -> None:
    for name in ("shared_files", "shared_uploads", "shared_reports"):
        op.execute(f"ALTER TABLE {name} RENAME COLUMN content TO content_sealed")
    begin = "1970-01-01 00:00:00+00"  # SQLite adds no column whose default is the time
    op.add_column("shared_uploads", sa.Column("stored_at", UtcDateTime, nullable=False, server_default=begin))
    uploads = sa.table("shared_uploads", sa.column("stored_at", UtcDateTime))
    op.execute(uploads.update().values(stored_at=datetime.now(UTC)))
    op.create_index("ix_shared_uploads_stored_at", "shared_uploads", ["site_id", "stored_at"])
    op.create_table(
        "shared_readers",
        sa.Column("site_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("reader", sa.String(64), nullable=False),
        sa.Column("journal", sa.String(8), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("read_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_shared_readers_site_id"),
        sa.PrimaryKeyConstraint("site_id", "reader", name="pk_shared_readers"),
    )
    op.add_column("host_spools", sa.Column("copy_behind_since", UtcDateTime))
