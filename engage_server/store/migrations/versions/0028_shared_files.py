"""Devices' files that all hosts share: what operators give to devices, what devices upload, and their last words."""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_table(
        "shared_sites",
        sa.Column("site_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("journal", sa.String(8), nullable=False),
        sa.Column("changes", sa.BigInteger, nullable=False),
        sa.Column("uploads", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_shared_sites_site_id"),
        sa.PrimaryKeyConstraint("site_id", name="pk_shared_sites"),
    )
    op.create_table(
        "shared_files",
        sa.Column("site_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("change", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("serial", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("is_current", sa.Boolean, nullable=False),
        sa.Column("version", sa.String(18), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("length", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("put_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_shared_files_site_id"),
        sa.PrimaryKeyConstraint("site_id", "change", name="pk_shared_files"),
    )
    op.create_index("ix_shared_files_serial", "shared_files", ["site_id", "serial", "kind"])
    op.create_table(
        "shared_uploads",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("serial", sa.String(32), nullable=False),
        sa.Column("collection", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger),
        sa.Column("length", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_shared_uploads_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_shared_uploads"),
        sa.UniqueConstraint("site_id", "serial", "collection", "digest", name="uq_shared_uploads_site_id"),
    )
    op.create_index("ix_shared_uploads_number", "shared_uploads", ["site_id", "number"])
    op.create_table(
        "shared_reports",
        sa.Column("site_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("serial", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("version", sa.String(18), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_shared_reports_site_id"),
        sa.PrimaryKeyConstraint("site_id", "serial", "kind", name="pk_shared_reports"),
    )
