"""The releases that devices met last, as clues to the anchors that they hold. In the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Integer, and_, case, func, literal, select, type_coerce

from engage_server.records import AGAIN_AND_AGAIN
from engage_server.store.evidence.adoption_kinds import has_list, is_device, is_unlisted
from engage_server.store.evidence.standing import Standing
from engage_server.store.interface import AnchorClue
from engage_server.store.tables import EpochSeconds, device_histories

Met = tuple[int, int]  # the release accepted last, and the one fetched last: the order of the index

_device = device_histories.c
_fetched_since = case((_device.certificates > 0, 1), else_=0)
_stuck = case((and_(_device.refusals >= AGAIN_AND_AGAIN, _device.certificates == 0), 1), else_=0)


def select_clues(connection: Connection, site: str) -> list[AnchorClue]:
    """Return one clue for each kind of device, with the number of devices."""
    stranger = type_coerce(case((is_unlisted(site), 1), else_=0), Integer)
    rows = (
        select(
            _device.fetched_release.label("fetched"),
            _device.finished_release.label("finished"),
            _fetched_since.label("since"),
            stranger.label("stranger"),
            _stuck.label("stuck"),
        )
        .where(_of_site(site))
        .subquery()
    )
    columns = (rows.c.fetched, rows.c.finished, rows.c.since, rows.c.stranger)
    query = select(*columns, func.count(), func.sum(rows.c.stuck)).group_by(*columns).order_by(*columns)
    return [
        AnchorClue(int(fetched), int(finished), bool(since), bool(is_stranger), int(count), int(stuck))
        for fetched, finished, since, is_stranger, count, stuck in connection.execute(query)
    ]


def select_met(connection: Connection, site: str) -> list[Met]:
    """Return the releases that devices of a site met last, each pair once. A list leaves out all others.

    It jumps through the index from pair to pair, so it costs a query for each, however many devices there are.
    """
    both = _device.finished_release, _device.fetched_release
    query = select(*both).where(is_of(connection, site)).order_by(*both).limit(1)
    found: list[Met] = []
    row = connection.execute(query).first()
    while row is not None:
        finished, fetched = row.finished_release, row.fetched_release
        found.append((finished, fetched))
        # as one condition of both columns, SQLite would read all rows that accepted the same release
        same = query.where(_device.finished_release == finished, _device.fetched_release > fetched)
        later = query.where(_device.finished_release > finished)
        row = connection.execute(same).first() or connection.execute(later).first()
    return found


def is_of(connection: Connection, site: str) -> ColumnElement[bool]:
    """Whether a row is a device of a site. Where there is a list, only devices on it are."""
    standing = Standing.LISTED if has_list(connection, site) else Standing.DEVICE
    return and_(_device.site == site, _device.standing == standing.value)


def select_of_clue(connection: Connection, site: str, clue: AnchorClue, limit: int) -> list[str]:
    """Return the first devices of a clue, by name."""
    query = (
        select(_device.identity)
        .where(
            _of_site(site),
            _device.fetched_release == clue.fetched_release,
            _device.finished_release == clue.finished_release,
            _fetched_since == int(clue.fetched_since),
            is_unlisted(site) if clue.is_stranger else ~is_unlisted(site),
        )
        .order_by(_device.identity)
        .limit(limit)
    )
    return list(connection.scalars(query))


def count_seen_since(connection: Connection, site: str, since: datetime) -> int:
    """Count the devices that were seen since then."""
    seen = literal(since, EpochSeconds)
    query = select(func.count()).select_from(device_histories).where(_of_site(site), _device.last_seen >= seen)
    return int(connection.scalar(query) or 0)


def select_callers_of_host(
    connection: Connection, site: str, host: str, since: datetime, limit: int
) -> tuple[int, list[str]]:
    """Count the devices that called a host last and were seen since then. Also return the first ones, by name."""
    condition = and_(_of_site(site), _device.host == host, _device.last_seen >= literal(since, EpochSeconds))
    count = connection.scalar(select(func.count()).select_from(device_histories).where(condition))
    names = select(_device.identity).where(condition).order_by(_device.identity).limit(limit)
    return int(count or 0), list(connection.scalars(names)) if count else []


def select_other_hosts(
    connection: Connection, site: str, hosts: Sequence[str], since: datetime, release: int, limit: int
) -> list[str]:
    """Return the other hosts that devices called last, the most called first.

    A device counts if it ever finished TLS, was seen since then, and did not last finish TLS with this release.
    """
    query = (
        select(_device.host)
        .where(
            _of_site(site),
            _device.host.not_in(["", *hosts]),
            _device.last_seen >= literal(since, EpochSeconds),
            _device.finished_release.not_in([0, release]),
        )
        .group_by(_device.host)
        .order_by(func.count().desc(), _device.host)
        .limit(limit)
    )
    return list(connection.scalars(query))


def _of_site(site: str) -> ColumnElement[bool]:
    return and_(_device.site == site, is_device())
