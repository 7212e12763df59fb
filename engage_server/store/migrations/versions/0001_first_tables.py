"""First tables: installation, sites, devices, releases, audit events."""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("seal_probe", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("id = 1", name="ck_installation_single_row"),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
    )
    op.create_table(
        "sites",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("anchor", sa.String(16), nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("device_networks", sa.JSON, nullable=False),
        sa.Column("site_key_sealed", sa.LargeBinary, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sites"),
        sa.UniqueConstraint("name", name="uq_sites_name"),
    )
    op.create_index(
        "ix_sites_one_default",
        "sites",
        ["is_default"],
        unique=True,
        sqlite_where=sa.text("is_default = 1"),
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "site_hosts",
        sa.Column("host", sa.String(253), nullable=False),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_site_hosts_site_id"),
        sa.PrimaryKeyConstraint("host", name="pk_site_hosts"),
    )
    op.create_index("ix_site_hosts_site_id", "site_hosts", ["site_id"])
    op.create_table(
        "devices",
        sa.Column("serial", sa.String(32), nullable=False),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("added_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_devices_site_id"),
        sa.PrimaryKeyConstraint("serial", name="pk_devices"),
    )
    op.create_index("ix_devices_site_id", "devices", ["site_id"])
    op.create_table(
        "releases",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("site_id", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("anchor_der", sa.LargeBinary, nullable=False),
        sa.Column("anchor_hash", sa.String(28), nullable=False),
        sa.Column("chain_pem", sa.LargeBinary, nullable=False),
        sa.Column("root_der", sa.LargeBinary, nullable=False),
        sa.Column("private_key_sealed", sa.LargeBinary, nullable=False),
        sa.Column("staged_at", UtcDateTime, nullable=False),
        sa.Column("activated_at", UtcDateTime),
        sa.Column("retired_at", UtcDateTime),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_releases_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_releases"),
        sa.UniqueConstraint("site_id", "number", name="uq_releases_site_id"),
    )
    op.create_index(
        "ix_releases_one_current",
        "releases",
        ["site_id"],
        unique=True,
        sqlite_where=sa.text("state = 'current'"),
        postgresql_where=sa.text("state = 'current'"),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_events"),
    )
