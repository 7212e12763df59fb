"""Indexes over a part of a table's rows. Most of them make sure that at most one row is of a kind.

They are not beside the tables, because SQLAlchemy imports the dialects of both databases for them. That takes a tenth
of the start of a command that only reads. Code that makes or compares the tables uses :data:`whole_schema`.
"""

from typing import Any

from sqlalchemy import ColumnElement, Index, text

from engage_server.store.access import tables as access_tables  # noqa: F401  # its tables belong to the schema
from engage_server.store.alerts import tables as alert_tables  # noqa: F401  # the same
from engage_server.store.evidence.index_conditions import HAS_REPORTED, NOT_QUIET
from engage_server.store.keys import tables as key_tables  # noqa: F401  # the same
from engage_server.store.labels import tables as label_tables  # noqa: F401  # and its
from engage_server.store.link_tables import kpn_downlinks, path_events
from engage_server.store.shared_files import tables as shared_file_tables  # noqa: F401  # and its
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


def _index(name: str, *columns: ColumnElement[Any], of: str, of_postgresql: str = "", unique: bool = False) -> None:
    """Index the rows that a condition holds for.

    Args:
        name: Its name in the database.
        columns: What it holds, in this order.
        of: The condition, as SQLite reads it.
        of_postgresql: The same for PostgreSQL, where it has truth values. "" if it reads the other one.
        unique: Whether it refuses a second row with the same values.
    """
    Index(name, *columns, unique=unique, sqlite_where=text(of), postgresql_where=text(of_postgresql or of))


_index("ix_sites_one_default", sites.c.is_default, of="is_default = 1", of_postgresql="is_default", unique=True)
_index("ix_releases_one_current", releases.c.site_id, of="state = 'current'", unique=True)
_index("ix_rotations_one_open", rotations.c.site_id, of="ended_at IS NULL", unique=True)
_history = device_histories.c
_index("ix_device_histories_away", _history.site, _history.away, of="away > ''")
# for pages of a site's devices; most addresses are no devices
_index("ix_device_histories_identity", _history.site, _history.identity, of="is_shared_address = 0")
_index("ix_device_histories_trouble", _history.site, _history.identity, of=NOT_QUIET)
_index("ix_device_histories_reports", _history.site, _history.reported_at, _history.report, of=HAS_REPORTED)
_index("ix_devices_unseen", devices.c.site_id, devices.c.serial, of="is_unseen = 1")
_index("ix_sightings_unnamed", sightings.c.address, sightings.c.at, sightings.c.id, of=UNNAMED.text)
_index("ix_path_events_not_folded", path_events.c.id, of="is_folded = 0", of_postgresql="NOT is_folded")
_index(
    "ix_kpn_downlinks_one_executing",
    kpn_downlinks.c.imei,
    kpn_downlinks.c.channel,
    of="status = 'executing'",
    unique=True,
)

whole_schema = metadata
