"""What each row of evidence stands for, who was never seen, and indexes that find the few doors at risk among many."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

_ADOPTION = (
    *("site", "standing", "finished_release", "fetched_release", "due_at", "first_seen", "finished_at", "last_seen"),
    *("certificates", "anchor_failed_at", "refusals", "refused_at", "home_since", "tls_nights", "is_contested"),
    *("away_seen_at", "authenticated_release", "authenticated_at", "authenticated_nights", "identity", "home", "host"),
)
_NOT_QUIET = (
    "certificates >= 2 OR notices >= 2 OR refusals > 0 OR anchor_failed_at > 0 OR is_contested > 0 "
    "OR asked_again_at > finished_at"
)
# as store.evidence.standing says it
_STANDING = """
UPDATE device_histories SET standing = CASE
    WHEN is_shared_address <> 0 THEN 0
    WHEN EXISTS (
        SELECT 1 FROM devices JOIN sites ON sites.id = devices.site_id
        WHERE devices.serial = device_histories.identity AND sites.name = device_histories.site
    ) THEN 2
    WHEN (identity LIKE '%.%' OR identity LIKE '%:%') AND tls_nights < 3 THEN 0
    ELSE 1 END
WHERE is_shared_address = 0
"""
_UNSEEN = """
UPDATE devices SET is_unseen = 1 WHERE NOT EXISTS (
    SELECT 1 FROM device_histories JOIN sites ON sites.name = device_histories.site
    WHERE device_histories.identity = devices.serial AND sites.id = devices.site_id
)
"""


def upgrade() -> None:
    # The wide index goes first and comes last: with it, each row that changes would be written there, too.
    op.drop_index("ix_device_histories_adoption", "device_histories")
    op.add_column("device_histories", sa.Column("standing", sa.SmallInteger, nullable=False, server_default="0"))
    op.add_column("devices", sa.Column("is_unseen", sa.SmallInteger, nullable=False, server_default="0"))
    op.execute(_STANDING)
    op.execute(_UNSEEN)
    op.create_index("ix_device_histories_adoption", "device_histories", list(_ADOPTION))
    _partial("ix_device_histories_trouble", "device_histories", ["site", "identity"], _NOT_QUIET)
    _partial("ix_device_histories_reports", "device_histories", ["site", "reported_at", "report"], "reported_at > 0")
    _partial("ix_devices_unseen", "devices", ["site_id", "serial"], "is_unseen = 1")


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
