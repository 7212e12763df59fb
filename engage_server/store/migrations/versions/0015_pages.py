"""Indexes for pages: a site's devices, its list, the audit log by each filter, and the sightings of one device."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    devices = sa.text("is_shared_address = 0")
    op.create_index(
        "ix_device_histories_identity",
        "device_histories",
        ["site", "identity"],
        sqlite_where=devices,
        postgresql_where=devices,
    )
    op.drop_index("ix_devices_site_id", "devices")
    op.create_index("ix_devices_site_id", "devices", ["site_id", "serial"])
    op.drop_index("ix_sightings_serial", "sightings")
    op.create_index("ix_sightings_serial", "sightings", ["serial", "at", "id"])
    for column in ("site", "actor", "action"):
        op.create_index(f"ix_audit_events_{column}", "audit_events", [column, "id"])
    op.create_index("ix_audit_events_at", "audit_events", ["at"])
