"""Sites. In the caller's transaction."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from engage_server.errors import Conflict, NotFound
from engage_server.records import (
    AnchorRole,
    CallIn,
    CallInWay,
    Host,
    RequiredEvidence,
    Secret,
    Site,
    UnknownDevices,
    Upstream,
    read_network,
)
from engage_server.store.sealing import Sealer
from engage_server.store.tables import site_hosts, sites


def site_id(connection: Connection, name: str) -> int:
    """Return the row of a site.

    Raises:
        NotFound: There is no site of this name.
    """
    found = connection.scalar(select(sites.c.id).where(sites.c.name == name))
    if found is None:
        names = list(connection.scalars(select(sites.c.name).order_by(sites.c.name)))
        have = f"There are: {', '.join(names)}." if names else "There are no sites yet: 'engage init' makes the first."
        raise NotFound(f"there is no site {name!r}", have, code="site.not_found")
    return int(found)


def locked_way(connection: Connection, name: str) -> CallInWay:
    """Return how a site's call-ins are answered. That stays until the end of the transaction.

    Raises:
        NotFound: There is no site of this name.
    """
    row_id = site_id(connection, name)
    query = select(sites.c.call_in).where(sites.c.id == row_id).with_for_update(read=True)
    return _call_in(connection.scalars(query).one()).way


def select_sites(connection: Connection, name: str | None = None) -> list[Site]:
    """Return all sites, or the one of this name."""
    query = select(sites).order_by(sites.c.name)
    if name is not None:
        query = query.where(sites.c.name == name)
    hosts: dict[int, list[Host]] = {}
    for row in connection.execute(select(site_hosts).order_by(site_hosts.c.position)):
        hosts.setdefault(row.site_id, []).append(Host(row.host))
    return [_site(row, tuple(hosts.get(row.id, ()))) for row in connection.execute(query)]


def select_added_after(connection: Connection, row_id: int, limit: int) -> list[tuple[int, Site]]:
    """Return the sites that were added after the one in this row, in that order, each with its row."""
    rows = connection.execute(select(sites).where(sites.c.id > row_id).order_by(sites.c.id).limit(limit)).all()
    of_these = site_hosts.c.site_id.in_([row.id for row in rows])
    hosts: dict[int, list[Host]] = {}
    for row in connection.execute(select(site_hosts).where(of_these).order_by(site_hosts.c.position)):
        hosts.setdefault(row.site_id, []).append(Host(row.host))
    return [(row.id, _site(row, tuple(hosts.get(row.id, ())))) for row in rows]


def insert_site(connection: Connection, site: Site, key: Secret, sealer: Sealer) -> Site:
    """Add a site with its hosts.

    Raises:
        Conflict: The name or a host is taken.
    """
    _assert_free(connection, site)
    is_first = connection.scalar(select(func.count()).select_from(sites)) == 0
    if site.is_default and not is_first:
        connection.execute(update(sites).values(is_default=False))
    values = {
        "name": site.name,
        "anchor": site.anchor.value,
        "is_default": is_first or site.is_default,
        "device_networks": [str(network) for network in site.device_networks],
        "site_key_sealed": sealer.seal(key, key_purpose(site.name)),
        "created_at": site.created_at,
        "local_addresses": list(site.local_addresses),
        "call_in": _call_in_json(site.call_in),
        "evidence": site.evidence.value,
        "for_trials": site.for_trials,
        "approvals": site.approvals,
        "title": site.title,
        "time_zone": site.time_zone,
    }
    try:
        row_id = connection.execute(sites.insert().values(values).returning(sites.c.id)).scalar_one()
        rows = [{"host": h.text, "site_id": row_id, "position": n} for n, h in enumerate(site.hosts)]
        connection.execute(site_hosts.insert(), rows)
    except IntegrityError:  # two operators at the same moment
        raise Conflict(f"site {site.name!r} or one of its hosts was added just now", "See: engage site list") from None
    return select_sites(connection, site.name)[0]


def update_site(connection: Connection, site: Site, approvals: int | None) -> Site:
    """Set a site's hosts, networks, addresses, title, time zone and call-in way. Its name, key and anchor stay.

    How many approvals it needs stays as well, unless that is given. ``site`` may have been read before it was changed.

    Raises:
        NotFound: There is no such site.
        Conflict: A host or address belongs to another site.
    """
    row_id = site_id(connection, site.name)
    _assert_hosts_free(connection, site)
    values: dict[str, Any] = {
        "device_networks": [str(network) for network in site.device_networks],
        "local_addresses": list(site.local_addresses),
        "call_in": _call_in_json(site.call_in),
        "evidence": site.evidence.value,
        "title": site.title,
        "time_zone": site.time_zone,
    }
    if approvals is not None:
        values["approvals"] = approvals
    connection.execute(update(sites).where(sites.c.id == row_id).values(values))
    connection.execute(delete(site_hosts).where(site_hosts.c.site_id == row_id))
    rows = [{"host": h.text, "site_id": row_id, "position": n} for n, h in enumerate(site.hosts)]
    connection.execute(site_hosts.insert(), rows)
    return select_sites(connection, site.name)[0]


def set_default(connection: Connection, name: str) -> None:
    """Make this site the default, in place of the present one."""
    row_id = site_id(connection, name)
    connection.execute(update(sites).values(is_default=False).where(sites.c.id != row_id))
    connection.execute(update(sites).values(is_default=True).where(sites.c.id == row_id))


def sealed_key(connection: Connection, name: str) -> bytes:
    """Return the site's sealed key."""
    row_id = site_id(connection, name)
    return bytes(connection.execute(select(sites.c.site_key_sealed).where(sites.c.id == row_id)).scalar_one())


def key_purpose(name: str) -> str:
    """Return the purpose for which a site's key is sealed."""
    return f"site key of {name}"


def _site(row: Row[tuple[object, ...]], hosts: tuple[Host, ...]) -> Site:
    return Site(
        name=row.name,
        hosts=hosts,
        anchor=AnchorRole(row.anchor),
        is_default=row.is_default,
        device_networks=tuple(read_network(network) for network in row.device_networks),
        created_at=row.created_at,
        local_addresses=tuple(row.local_addresses),
        call_in=_call_in(row.call_in),
        evidence=RequiredEvidence(row.evidence),
        for_trials=row.for_trials,
        approvals=row.approvals,
        title=row.title,
        time_zone=row.time_zone,
    )


def _call_in_json(call_in: CallIn) -> dict[str, Any]:
    upstream = call_in.upstream
    return {
        "way": call_in.way.value,
        "insecure": call_in.insecure,
        "unknown": call_in.unknown.value,
        "upstream": None
        if upstream is None
        else {"url": upstream.url, "timeout_seconds": upstream.timeout_seconds, "trust_pem": upstream.trust_pem},
    }


def _call_in(value: Mapping[str, Any]) -> CallIn:
    """Read the call-in way of a row. A site of an older version has none."""
    if not value:
        return CallIn()
    upstream = value["upstream"]
    return CallIn(
        CallInWay(value["way"]),
        bool(value["insecure"]),
        UnknownDevices(value["unknown"]),
        None if upstream is None else Upstream(**upstream),
    )


def _assert_free(connection: Connection, site: Site) -> None:
    if connection.scalar(select(sites.c.id).where(sites.c.name == site.name)) is not None:
        raise Conflict(
            f"there is a site {site.name!r} already", f"See: engage site show {site.name}", code="site.exists"
        )
    _assert_hosts_free(connection, site)


def _assert_hosts_free(connection: Connection, site: Site) -> None:
    texts = [host.text for host in site.hosts]
    taken = connection.execute(
        select(site_hosts.c.host, sites.c.name)
        .join(sites, sites.c.id == site_hosts.c.site_id)
        .where(site_hosts.c.host.in_(texts), sites.c.name != site.name)
        .order_by(site_hosts.c.host)
    ).first()
    if taken is not None:
        raise Conflict(
            f"host {taken.host} belongs to site {taken.name!r}",
            "A host can belong to one site only: the devices' Host header chooses the site.",
            code="host.taken",
            other_site=taken.name,
        )
    for other in select_sites(connection):
        shared = set(other.local_addresses) & set(site.local_addresses) if other.name != site.name else set()
        if shared:
            raise Conflict(
                f"local address {min(shared)} belongs to site {other.name!r}",
                "A local address can belong to one site only.",
                code="address.taken",
                other_site=other.name,
            )
