"""Call-ins: how each site answers them, what its devices report in audits, and the vendor's old addresses."""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import EpochSeconds

revision = "0004"
down_revision = "0003"

_ADOPTION = [
    "site",
    "is_shared_address",
    "finished_release",
    "due_at",
    "first_seen",
    "finished_at",
    "last_seen",
    "certificates",
    "anchor_failed_at",
]


def upgrade() -> None:
    op.add_column("sites", sa.Column("call_in", sa.JSON, nullable=False, server_default="{}"))
    op.create_table(
        "static_certificates",
        sa.Column("site_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("der", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_static_certificates_site_id"),
        sa.PrimaryKeyConstraint("site_id", "name", name="pk_static_certificates"),
    )
    op.add_column("device_histories", sa.Column("report", sa.String(64), nullable=False, server_default=""))
    op.add_column("device_histories", sa.Column("reported_at", EpochSeconds, nullable=False, server_default="0"))
    op.add_column("device_histories", sa.Column("anchor_failed_at", EpochSeconds, nullable=False, server_default="0"))
    op.drop_index("ix_device_histories_adoption", "device_histories")
    op.create_index("ix_device_histories_adoption", "device_histories", _ADOPTION)
