"""Names and places of devices, and what can be searched for in them. Sites have a title and a time zone."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_IN_ORDER = sa.String(120).with_variant(sa.String(120, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "device_labels",
        sa.Column("site_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("place", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "identity", name="pk_device_labels"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_device_labels_site_id"),
    )
    op.create_table(
        "label_words",
        sa.Column("site_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("words", _IN_ORDER, nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "words", "identity", name="pk_label_words"),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_label_words_site_id"),
        sqlite_with_rowid=False,
    )
    op.add_column("sites", sa.Column("title", sa.String(80), nullable=False, server_default=""))
    op.add_column("sites", sa.Column("time_zone", sa.String(64), nullable=False, server_default="UTC"))
