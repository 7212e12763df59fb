"""The links: what they report about the path to a site, devices on KPN SIMs, and messages to them."""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import UtcDateTime

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    _events()
    _standings()
    _kpn()


def _events() -> None:
    op.create_table(
        "path_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("link", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("says", sa.String(16), nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("key", sa.String(64)),
        sa.Column("is_folded", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint("id", name="pk_path_events"),
        sa.UniqueConstraint("link", "key", name="uq_path_events_link"),
    )
    op.create_index("ix_path_events_at", "path_events", ["at"])
    op.create_index("ix_path_events_site", "path_events", ["site", "at"])
    op.create_index(
        "ix_path_events_not_folded",
        "path_events",
        ["id"],
        sqlite_where=sa.text("is_folded = 0"),
        postgresql_where=sa.text("NOT is_folded"),
    )


def _standings() -> None:
    op.create_table(
        "link_standings",
        sa.Column("link", sa.String(64), nullable=False),
        sa.Column("site", sa.String(64), nullable=False),
        sa.Column("partner", sa.String(16), nullable=False),
        sa.Column("expects_seconds", sa.Integer, nullable=False),
        sa.Column("works_since", UtcDateTime),
        sa.Column("works_at", UtcDateTime),
        sa.Column("works_by", sa.String(64), nullable=False),
        sa.Column("trouble", sa.String(16), nullable=False),
        sa.Column("trouble_since", UtcDateTime),
        sa.Column("trouble_at", UtcDateTime),
        sa.Column("trouble_by", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("link", name="pk_link_standings"),
    )


def _kpn() -> None:
    op.create_table(
        "kpn_devices",
        sa.Column("imei", sa.String(15), nullable=False),
        sa.Column("link", sa.String(64), nullable=False),
        sa.Column("iccid", sa.String(22), nullable=False),
        sa.Column("msisdn", sa.String(16), nullable=False),
        sa.Column("rate_plan", sa.String(64), nullable=False),
        sa.Column("sim_type", sa.String(8), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary),
        sa.Column("added_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("imei", name="pk_kpn_devices"),
    )
    op.create_table(
        "kpn_downlinks",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("imei", sa.String(15), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("queued_at", UtcDateTime, nullable=False),
        sa.Column("changed_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_kpn_downlinks"),
        sa.ForeignKeyConstraint(["imei"], ["kpn_devices.imei"], name="fk_kpn_downlinks_imei"),
    )
    op.create_index("ix_kpn_downlinks_imei", "kpn_downlinks", ["imei"])
    op.create_index(
        "ix_kpn_downlinks_one_executing",
        "kpn_downlinks",
        ["imei", "channel"],
        unique=True,
        sqlite_where=sa.text("status = 'executing'"),
        postgresql_where=sa.text("status = 'executing'"),
    )
