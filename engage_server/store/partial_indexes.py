"""Indexes over a part of a table's rows. Most of them make sure that at most one row is of a kind.

They are not beside the tables, because SQLAlchemy imports the dialects of both databases for them. That takes a tenth
of the start of a command that only reads. Code that makes or compares the tables uses :data:`whole_schema`.
"""

from sqlalchemy import Index, text

from engage_server.store.access import tables as access_tables  # noqa: F401  # its tables belong to the schema
from engage_server.store.evidence.index_conditions import HAS_REPORTED, NOT_QUIET
from engage_server.store.labels import tables as label_tables  # noqa: F401  # and its
from engage_server.store.link_tables import kpn_downlinks, path_events
from engage_server.store.tables import (
    UNNAMED,
    device_histories,
    devices,
    metadata,
    releases,
    rotations,
    sightings,
    sites,
)

Index(
    "ix_sites_one_default",
    sites.c.is_default,
    unique=True,
    sqlite_where=text("is_default = 1"),
    postgresql_where=text("is_default"),
)
Index(
    "ix_releases_one_current",
    releases.c.site_id,
    unique=True,
    sqlite_where=text("state = 'current'"),
    postgresql_where=text("state = 'current'"),
)
Index(
    "ix_rotations_one_open",
    rotations.c.site_id,
    unique=True,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
)
Index(
    "ix_device_histories_away",
    device_histories.c.site,
    device_histories.c.away,
    sqlite_where=text("away > ''"),
    postgresql_where=text("away > ''"),
)
Index(
    "ix_device_histories_identity",  # for pages of a site's devices; most addresses are no devices
    device_histories.c.site,
    device_histories.c.identity,
    sqlite_where=text("is_shared_address = 0"),
    postgresql_where=text("is_shared_address = 0"),
)
Index(
    "ix_device_histories_trouble",
    device_histories.c.site,
    device_histories.c.identity,
    sqlite_where=text(NOT_QUIET),
    postgresql_where=text(NOT_QUIET),
)
Index(
    "ix_device_histories_reports",
    device_histories.c.site,
    device_histories.c.reported_at,
    device_histories.c.report,
    sqlite_where=text(HAS_REPORTED),
    postgresql_where=text(HAS_REPORTED),
)
Index(
    "ix_devices_unseen",
    devices.c.site_id,
    devices.c.serial,
    sqlite_where=text("is_unseen = 1"),
    postgresql_where=text("is_unseen = 1"),
)
Index(
    "ix_sightings_unnamed",
    sightings.c.address,
    sightings.c.at,
    sightings.c.id,
    sqlite_where=UNNAMED,
    postgresql_where=UNNAMED,
)
Index(
    "ix_path_events_not_folded",
    path_events.c.id,
    sqlite_where=text("is_folded = 0"),
    postgresql_where=text("NOT is_folded"),
)
Index(
    "ix_kpn_downlinks_one_executing",
    kpn_downlinks.c.imei,
    kpn_downlinks.c.channel,
    unique=True,
    sqlite_where=text("status = 'executing'"),
    postgresql_where=text("status = 'executing'"),
)

whole_schema = metadata
