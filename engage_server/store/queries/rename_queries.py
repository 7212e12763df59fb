"""Renames a site. In the caller's transaction."""

from sqlalchemy import Connection, select, update

from engage_server.store import release_keys
from engage_server.store.link_tables import path_events
from engage_server.store.queries import site_queries
from engage_server.store.sealing import Sealer
from engage_server.store.tables import (
    device_addresses,
    device_histories,
    release_histories,
    releases,
    sightings,
    sites,
)


def rename_site(connection: Connection, name: str, new: str, sealer: Sealer) -> None:
    """Rename it everywhere except in the audit log, and seal its keys again for the new name.

    Raises:
        NotFound: There is no such site.
        SealBroken: One of its keys cannot be opened.
    """
    row_id = site_queries.site_id(connection, name)
    site_key = sealer.open(site_queries.sealed_key(connection, name), site_queries.key_purpose(name))
    values = {"name": new, "site_key_sealed": sealer.seal(site_key, site_queries.key_purpose(new))}
    connection.execute(update(sites).where(sites.c.id == row_id).values(values))
    rows = connection.execute(
        select(releases.c.id, releases.c.number, releases.c.private_key_sealed).where(releases.c.site_id == row_id)
    ).all()
    for row in rows:
        if row.private_key_sealed:  # empty if the key is destroyed
            key = sealer.releases.open(row.private_key_sealed, release_keys.key_purpose(name, row.number))
            sealed = sealer.releases.seal(key, release_keys.key_purpose(new, row.number))
            connection.execute(update(releases).where(releases.c.id == row.id).values(private_key_sealed=sealed))
    for table in (sightings, device_histories, release_histories, device_addresses, path_events):
        connection.execute(update(table).where(table.c.site == name).values(site=new))
