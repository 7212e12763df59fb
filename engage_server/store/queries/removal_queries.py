"""Removes rows for good. In the caller's transaction."""

from sqlalchemy import Connection, delete, select, update

from engage_server.errors import Conflict
from engage_server.records import ReleaseState
from engage_server.store.evidence import standing
from engage_server.store.labels import label_queries
from engage_server.store.labels.tables import device_labels, label_words
from engage_server.store.link_tables import link_standings
from engage_server.store.queries.release_queries import select_release
from engage_server.store.queries.rotation_queries import select_rotations
from engage_server.store.queries.site_queries import site_id
from engage_server.store.tables import (
    activations,
    approvals,
    device_addresses,
    device_histories,
    devices,
    release_histories,
    releases,
    rotations,
    site_hosts,
    sites,
    static_certificates,
)


def delete_device(connection: Connection, serial: str, site: str) -> bool:
    """Remove a serial number from a site's list, with its label. Return whether it was on it."""
    row_id = site_id(connection, site)
    standing.hold(connection)
    label_queries.delete_labels(connection, row_id, [serial])
    of_site = devices.c.site_id == row_id
    is_gone = bool(connection.execute(delete(devices).where(devices.c.serial == serial, of_site)).rowcount)
    standing.refresh(connection, [serial])
    return is_gone


def delete_release(connection: Connection, site: str, number: int) -> None:
    """Remove a release that was only ever staged.

    Its number may be used again only if it was the newest and no rotation had it: then no device ever received it.

    Raises:
        NotFound: There is no such site or release.
        Conflict: It was served, or belongs to an open rotation.
    """
    row_id = site_id(connection, site)
    if select_release(connection, site, number).state is not ReleaseState.STAGED:
        raise Conflict(
            f"release {number} of {site!r} was served: devices may hold its anchor",
            f"Destroy its key when it is no longer served: engage release retire {number} --site {site}",
            code="release.served",
        )
    if any(number in each.releases for each in select_rotations(connection, site, only_open=True)):
        raise Conflict(
            f"release {number} of {site!r} belongs to an open rotation",
            f"Finish or abort that rotation first: engage rotate status --site {site}",
            code="release.in_rotation",
        )
    connection.execute(delete(releases).where(releases.c.site_id == row_id, releases.c.number == number))


def delete_site(connection: Connection, name: str) -> None:
    """Remove a site and all that belongs to it.

    Raises:
        NotFound: There is no such site.
    """
    row_id = site_id(connection, name)
    of_site = select(rotations.c.number).where(rotations.c.site_id == row_id)
    connection.execute(delete(approvals).where(approvals.c.rotation.in_(of_site)))
    for table in (
        static_certificates,
        label_words,
        device_labels,
        devices,
        site_hosts,
        activations,
        rotations,
        releases,
    ):
        connection.execute(delete(table).where(table.c.site_id == row_id))
    for table in (release_histories, device_histories, device_addresses, link_standings):
        connection.execute(delete(table).where(table.c.site == name))
    of_others = update(link_standings).where(link_standings.c.former_site == name)
    connection.execute(of_others.values(former_site=""))
    connection.execute(delete(sites).where(sites.c.id == row_id))
