"""Evidence by address: where a device usually calls from, the tokens that prove it, and the gate's total soak time."""

import sqlalchemy as sa
from alembic import op

from engage_server.store.tables import EpochSeconds, UtcDateTime

revision = "0005"
down_revision = "0004"


_ADOPTION = (
    "site",
    "is_shared_address",
    "finished_release",
    "due_at",
    "first_seen",
    "finished_at",
    "last_seen",
    "certificates",
    "anchor_failed_at",
    "refusals",
    "refused_at",
    "home_since",
    "tls_nights",
    "is_contested",
    "away_seen_at",
    "authenticated_release",
    "authenticated_at",
    "authenticated_nights",
    "identity",
    "home",
)


def upgrade() -> None:
    _devices()
    _homes()
    _callers()
    _indexes()
    op.add_column("sightings", sa.Column("authenticated", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("sightings", sa.Column("disregarded", sa.String(32), nullable=False, server_default=""))
    op.add_column("sites", sa.Column("evidence", sa.String(16), nullable=False, server_default="any"))
    op.add_column("rotations", sa.Column("looked_at", UtcDateTime))
    op.add_column("rotations", sa.Column("looked_boot", sa.String(64), nullable=False, server_default=""))
    op.add_column("rotations", sa.Column("looked_clock", sa.Float, nullable=False, server_default="0"))
    op.add_column("rotations", sa.Column("soaked_seconds", sa.Float, nullable=False, server_default="0"))
    op.add_column("rotations", sa.Column("unsure_until", UtcDateTime))
    op.add_column("rotations", sa.Column("unsure_why", sa.Text, nullable=False, server_default=""))


def _devices() -> None:
    for name in ("home_since", "home_seen_at", "refused_at", "away_since", "away_seen_at", "away_finished_at"):
        op.add_column("device_histories", sa.Column(name, EpochSeconds, nullable=False, server_default="0"))
    op.add_column("device_histories", sa.Column("authenticated_at", EpochSeconds, nullable=False, server_default="0"))
    op.add_column("device_histories", sa.Column("token_time", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("device_histories", sa.Column("is_contested", sa.SmallInteger, nullable=False, server_default="0"))
    for name in ("home", "away"):
        op.add_column("device_histories", sa.Column(name, sa.String(64), nullable=False, server_default=""))
    for name in (
        *("home_nights", "tls_nights", "away_nights", "away_tls_nights", "away_turns", "away_release"),
        *("authenticated_release", "authenticated_nights"),
    ):
        op.add_column("device_histories", sa.Column(name, sa.Integer, nullable=False, server_default="0"))


def _indexes() -> None:
    op.drop_index("ix_device_histories_adoption", "device_histories")
    op.create_index("ix_device_histories_adoption", "device_histories", list(_ADOPTION))
    op.create_index("ix_device_histories_home", "device_histories", ["site", "home"])
    # Most devices call from one address only: rows that are left out take no space and no planner's attention.
    only = sa.text("away > ''")
    op.create_index(
        "ix_device_histories_away", "device_histories", ["site", "away"], sqlite_where=only, postgresql_where=only
    )


def _homes() -> None:
    """Set the usual address of devices that called from only one address in the last month.

    A device that called from several gets its usual address with its next call. Of its nights, up to three count as
    nights with TLS if it ever finished a handshake: the real number was not kept. A rotation that is open during the
    upgrade must still miss such a device.
    """
    op.execute(
        "UPDATE device_histories SET home = called.address FROM (SELECT serial, site, min(address) AS address "
        "FROM device_addresses GROUP BY serial, site HAVING count(*) = 1) AS called "
        "WHERE called.serial = device_histories.identity AND called.site = device_histories.site"
    )
    # an address that counts as a device is its own usual address; a serial number has neither dot nor colon
    op.execute("UPDATE device_histories SET home = identity WHERE identity LIKE '%.%' OR identity LIKE '%:%'")
    op.execute(
        "UPDATE device_histories SET home_since = first_seen, home_seen_at = last_seen, home_nights = nights "
        "WHERE home <> ''"
    )
    op.execute(
        "UPDATE device_histories SET tls_nights = CASE WHEN nights < 3 THEN nights ELSE 3 END "
        "WHERE finished_release > 0"
    )


def _callers() -> None:
    """Keep eight serial numbers for each address; see store/evidence/caller_queries.py."""
    op.execute(
        "DELETE FROM device_addresses WHERE (address, site, serial) IN (SELECT address, site, serial FROM "
        "(SELECT address, site, serial, ROW_NUMBER() OVER (PARTITION BY address, site "
        "ORDER BY seen_at DESC, serial) AS place FROM device_addresses) AS ranked WHERE place > 8)"
    )
