"""Releases. In the caller's transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, select, update

from engage_server.errors import Conflict, NotFound, ReleaseExists
from engage_server.records import Host, Release, ReleaseState, Secret
from engage_server.store import der_list
from engage_server.store.interface import ReleaseDraft
from engage_server.store.queries.site_queries import site_id
from engage_server.store.release_keys import key_purpose
from engage_server.store.sealing import ReleaseSealer
from engage_server.store.tables import activations, releases, rotations, sites


def insert_release(connection: Connection, draft: ReleaseDraft, private_key: Secret, sealer: ReleaseSealer) -> int:
    """Store a draft under the site's next number. Return the number.

    Raises:
        ReleaseExists: The site has this chain already, and its key is not destroyed.
    """
    row_id = _locked_site(connection, draft.site)
    _assert_new(connection, row_id, draft)
    last = connection.scalar(select(func.max(releases.c.number)).where(releases.c.site_id == row_id))
    planned = connection.scalars(select(rotations.c.releases).where(rotations.c.site_id == row_id))
    number = max([int(last or 0), *(int(each) for numbers in planned for each in numbers)]) + 1
    connection.execute(
        releases.insert().values(
            site_id=row_id,
            number=number,
            state=ReleaseState.STAGED.value,
            anchor_der=draft.anchor_der,
            anchor_hash=draft.anchor_hash,
            chain_der=der_list.joined(draft.chain),
            root_der=draft.root_der,
            private_key_sealed=sealer.seal(private_key, key_purpose(draft.site, number)),
            public_key=draft.public_key,
            staged_at=draft.staged_at,
            hosts=[host.text for host in draft.hosts],
        )
    )
    return number


def _assert_new(connection: Connection, row_id: int, draft: ReleaseDraft) -> None:
    """Refuse a chain twice. With the site's row locked, nobody else stages the same one at this moment."""
    same = (
        releases.c.site_id == row_id,
        releases.c.root_der == draft.root_der,
        releases.c.chain_der == der_list.joined(draft.chain),
        releases.c.key_destroyed_at.is_(None),
    )
    number = connection.scalar(select(releases.c.number).where(*same).limit(1))
    if number is not None:
        raise ReleaseExists(
            f"this chain is already release {number} of {draft.site}",
            f"See it: engage release show {number} --site {draft.site}",
            number,
        )


def make_current(connection: Connection, site: str, number: int, expected: int | None, at: datetime) -> bool:
    """Make a release current, retire the previous one, and record the order. False if it was current already.

    Raises:
        Conflict: The current release is not the expected one, or the release's key is destroyed.
    """
    row_id = _locked_site(connection, site)
    _assert_current(connection, row_id, site, expected)
    if number == expected:
        return False
    _exchange(connection, row_id, select_release(connection, site, number), at)
    top = connection.scalar(select(func.max(activations.c.position)).where(activations.c.site_id == row_id)) or 0
    connection.execute(activations.insert().values(site_id=row_id, position=int(top) + 1, number=number))
    return True


def go_back(connection: Connection, site: str, number: int, expected: int | None, at: datetime) -> None:
    """Make an earlier release current again, and forget the releases that were current after it.

    Raises:
        Conflict: The current release is not the expected one, or the release's key is destroyed.
    """
    row_id = _locked_site(connection, site)
    _assert_current(connection, row_id, site, expected)
    _exchange(connection, row_id, select_release(connection, site, number), at)
    of_site = activations.c.site_id == row_id
    place = connection.scalar(select(func.max(activations.c.position)).where(of_site, activations.c.number == number))
    connection.execute(delete(activations).where(of_site, activations.c.position > (place or 0)))


def select_before(connection: Connection, site: str) -> int | None:
    """Return the release that a rollback leads to: the last one that was current before and still has its key."""
    row_id = site_id(connection, site)
    rows = connection.execute(
        select(activations.c.number, releases.c.state)
        .join(releases, (releases.c.site_id == activations.c.site_id) & (releases.c.number == activations.c.number))
        .where(activations.c.site_id == row_id, releases.c.key_destroyed_at.is_(None))
        .order_by(activations.c.position.desc())
    )
    return next((int(row.number) for row in rows if row.state != ReleaseState.CURRENT.value), None)


def retire(connection: Connection, site: str, number: int, at: datetime) -> None:
    """Destroy the key of a release that is not served.

    Raises:
        Conflict: It is current, or its key is destroyed already.
    """
    row_id = _locked_site(connection, site)
    release = select_release(connection, site, number)
    if release.state is ReleaseState.CURRENT:
        raise Conflict(
            f"release {number} of {site!r} is current: devices are served with its key",
            "Activate another release first.",
            code="release.current",
        )
    _assert_has_key(release)
    connection.execute(
        update(releases)
        .where(releases.c.site_id == row_id, releases.c.number == number)
        .values(
            state=ReleaseState.RETIRED.value,
            retired_at=release.retired_at or at,
            key_destroyed_at=at,
            private_key_sealed=b"",
        )
    )


def _assert_current(connection: Connection, row_id: int, site: str, expected: int | None) -> None:
    is_current = releases.c.state == ReleaseState.CURRENT.value
    current = connection.scalar(select(releases.c.number).where(releases.c.site_id == row_id, is_current))
    if current != expected:
        raise Conflict(
            f"somebody else was faster: site {site!r} now serves release {current or 'none'}, not {expected or 'none'}",
            f"Nothing was changed. Check, and decide again: engage release list --site {site}",
            code="release.changed",
        )


def _assert_has_key(release: Release) -> None:
    if release.key_destroyed_at is not None:
        raise Conflict(
            f"release {release.number} of {release.site!r} was retired for good: its private key is destroyed",
            "Stage its chain again, with its key, or activate another release.",
            code="release.retired",
        )


def _exchange(connection: Connection, row_id: int, release: Release, at: datetime) -> None:
    _assert_has_key(release)
    number = release.number
    of_site = releases.c.site_id == row_id
    connection.execute(
        update(releases)
        .where(of_site, releases.c.state == ReleaseState.CURRENT.value)
        .values(state=ReleaseState.RETIRED.value, retired_at=at)
    )
    connection.execute(
        update(releases)
        .where(of_site, releases.c.number == number)
        .values(state=ReleaseState.CURRENT.value, activated_at=at, retired_at=None)
    )


def select_release(connection: Connection, site: str, number: int) -> Release:
    """Return one release.

    Raises:
        NotFound: There is no such site or release.
    """
    query = _of_site(connection, site).where(releases.c.number == number)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(
            f"site {site!r} has no release {number}",
            f"See: engage release list --site {site}",
            code="release.not_found",
        )
    return _release(row)


def select_releases(connection: Connection, site: str | None) -> list[Release]:
    """Return all releases, or those of one site."""
    query = _every() if site is None else _of_site(connection, site)
    rows = connection.execute(query.order_by(sites.c.name, releases.c.number))
    return [_release(row) for row in rows]


def select_below(connection: Connection, site: str, number: int | None, limit: int) -> list[Release]:
    """Return the releases of a site with a lower number, newest first. None begins at the newest.

    Raises:
        NotFound: There is no such site.
    """
    row_id = site_id(connection, site)
    query = _every().where(releases.c.site_id == row_id)
    if number is not None:
        query = query.where(releases.c.number < number)
    return [_release(row) for row in connection.execute(query.order_by(releases.c.number.desc()).limit(limit))]


def select_current_numbers(connection: Connection, site: str | None) -> dict[str, int]:
    """Return the number of each current release, or only of this site's, by the site's name."""
    query = (
        select(sites.c.name, releases.c.number)
        .join(sites, sites.c.id == releases.c.site_id)
        .where(releases.c.state == ReleaseState.CURRENT.value)
    )
    if site is not None:
        query = query.where(sites.c.id == site_id(connection, site))
    return {row.name: row.number for row in connection.execute(query)}


def _every() -> Select[Any]:
    return select(releases, sites.c.name.label("site")).join(sites, sites.c.id == releases.c.site_id)


def _of_site(connection: Connection, site: str) -> Select[Any]:
    return _every().where(sites.c.id == site_id(connection, site))


def sealed_private_key(connection: Connection, site: str, number: int) -> bytes:
    """Return the release's sealed private key."""
    found = connection.scalar(
        select(releases.c.private_key_sealed).where(
            releases.c.site_id == site_id(connection, site), releases.c.number == number
        )
    )
    if found is None:
        raise NotFound(f"site {site!r} has no release {number}", code="release.not_found")
    if not found:
        _assert_has_key(select_release(connection, site, number))
    return bytes(found)


def _locked_site(connection: Connection, name: str) -> int:
    """Return the site's row, locked, so that two operators work one after the other. SQLite locks the whole file."""
    row_id = site_id(connection, name)
    connection.execute(select(sites.c.id).where(sites.c.id == row_id).with_for_update())
    return row_id


def _release(row: Row[tuple[object, ...]]) -> Release:
    return Release(
        site=row.site,
        number=row.number,
        state=ReleaseState(row.state),
        anchor_der=row.anchor_der,
        anchor_hash=row.anchor_hash,
        chain=der_list.split(row.chain_der),
        root_der=row.root_der,
        staged_at=row.staged_at,
        activated_at=row.activated_at,
        retired_at=row.retired_at,
        key_destroyed_at=row.key_destroyed_at,
        public_key=row.public_key,
        hosts=tuple(map(Host, row.hosts)),
    )
