"""What is asked of the evidence, answered by the database: counts, and lists with a limit."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, and_, case, func, literal, select, type_coerce

from engage_server.records import Adoption, DeviceHistory, Grade, ReleaseHistory
from engage_server.store.history_queries import history
from engage_server.store.interface import RECENT_REPORT, DeviceFilter
from engage_server.store.tables import (
    EpochSeconds,
    device_addresses,
    device_histories,
    devices,
    release_histories,
    sites,
)

_SECONDS_PER_DAY = 86400
_LOOPS = 2  # downloads in a row without a finished handshake, from which on a device is not just at it

_device = device_histories.c
_is_device = _device.is_shared_address == 0


def select_adoption(connection: Connection, site: str, release: int, since: datetime, now: datetime) -> Adoption:
    """How the devices of a site stand with a release that is served since then."""
    at = literal(since, EpochSeconds)
    # in its habit by ``since``: the silence that it may keep, counted from its last finished handshake
    was_well = and_(
        _device.first_seen < at,
        _device.finished_release > 0,
        _seconds(_device.finished_at) + (_seconds(_device.due_at) - _seconds(_device.last_seen)) >= _epoch(since),
    )
    says_no = _device.anchor_failed_at >= at  # while TLS may still work, by the anchor that it had
    confirmed = and_(_device.finished_release == release, _device.finished_at >= at, ~says_no)
    looping = (_device.certificates >= _LOOPS) | says_no
    silent = _device.due_at < literal(now, EpochSeconds)
    kind: ColumnElement[str] = case(
        (_device.first_seen >= at, "new"),
        (~was_well, "other"),
        (confirmed, "confirmed"),
        (looping, "looping"),
        (silent, "silent"),
        else_="waiting",
    )
    query = select(kind, func.count()).where(_device.site == site, _is_device).group_by(kind)
    counts: dict[str, int] = {name: int(count) for name, count in connection.execute(query)}
    parts = {name: counts.get(name, 0) for name in ("confirmed", "waiting", "silent", "looping", "new")}
    devices_counted = sum(parts.values()) - parts["new"]
    return Adoption(release=release, since=since, devices=devices_counted, **parts)


def select_grades(connection: Connection, site: str, release: int) -> dict[Grade, int]:
    """How many devices came how far with a release. Those that are known by serial number alone were never seen."""
    columns = release_histories.c
    query = (
        select(columns.grade, func.count())
        .where(columns.site == site, columns.release == release)
        .group_by(columns.grade)
    )
    counts = {Grade(grade): int(count) for grade, count in connection.execute(query)}
    seen = connection.scalar(select(func.count()).select_from(device_histories).where(_device.site == site, _is_device))
    unseen = connection.scalar(select(func.count()).select_from(_unseen(site).subquery()))
    rest = int(seen or 0) - sum(counts.values()) + int(unseen or 0)
    return {Grade.NEVER_SEEN: max(0, rest)} | counts


def select_devices(connection: Connection, site: str, wanted: DeviceFilter) -> list[DeviceHistory]:
    """The devices that a filter lets through, longest silent first."""
    met, number = release_histories.c, wanted.release or 0
    first = select(device_histories).where(_device.site == site, _is_device)
    if wanted.release is not None and wanted.missing:
        # first by what stands in the index: most devices that finished last with this release need no second look
        came = select(met.device_id).where(
            met.device_id == _device.id, met.release == number, met.grade >= int(Grade.HANDSHAKE)
        )
        first = first.where(_device.finished_release != number, ~came.exists())
    if wanted.suspicious_at is not None:
        first = first.where(_is_suspicious(wanted.suspicious_at))
    chosen = first.order_by(_device.last_seen, _device.id).limit(wanted.limit).subquery()
    query = (
        select(chosen, met.grade, met.reached_at)
        .outerjoin(release_histories, and_(met.device_id == chosen.c.id, met.release == number))
        .order_by(chosen.c.last_seen, chosen.c.id)
    )
    found = []
    for row in connection.execute(query).mappings():
        releases = {}
        if wanted.release is not None and row["grade"] is not None:
            releases = {wanted.release: ReleaseHistory(Grade(row["grade"]), row["reached_at"])}
        found.append(replace(history(row), releases=releases))
    return found


def select_unseen(connection: Connection, site: str, limit: int | None) -> list[str]:
    """The serial numbers that operators gave and nobody has seen."""
    return list(connection.scalars(_unseen(site).order_by(devices.c.serial).limit(limit)))


def select_silences(connection: Connection, site: str) -> dict[int, int]:
    """How many devices may be silent for how many days (begun ones count) before they have missed their habit."""
    days = (_seconds(_device.due_at) - _seconds(_device.last_seen)) // _SECONDS_PER_DAY
    query = (
        select(days, func.count()).where(_device.site == site, _is_device, _device.finished_release > 0).group_by(days)
    )
    return {int(day) + 1: int(count) for day, count in connection.execute(query)}


def select_arrivals(connection: Connection, site: str, release: int, since: datetime) -> dict[int, int]:
    """How many devices finished their first handshake with a release how many days after that time."""
    columns = release_histories.c
    days = (_seconds(columns.reached_at) - _epoch(since)) // _SECONDS_PER_DAY
    query = (
        select(days, func.count())
        .where(columns.site == site, columns.release == release, columns.grade >= int(Grade.HANDSHAKE))
        .where(columns.reached_at >= literal(since, EpochSeconds))
        .group_by(days)
    )
    return {int(day): int(count) for day, count in connection.execute(query)}


def _seconds(column: ColumnElement[Any]) -> ColumnElement[int]:
    """The number that a time is kept as, to calculate with."""
    return type_coerce(column, BigInteger)


def _epoch(at: datetime) -> int:
    return int(at.timestamp())


def _is_suspicious(now: datetime) -> ColumnElement[bool]:
    return (
        (_device.certificates >= _LOOPS)
        | (_device.refusals > 0)
        | (_device.notices >= _LOOPS)
        | (_device.due_at < literal(now, EpochSeconds))
        | (_seconds(_device.asked_again_at) > 0)
        | (_device.is_contested > 0)
        | (_seconds(_device.anchor_failed_at) > 0)
        | (_device.reported_at >= literal(now - RECENT_REPORT, EpochSeconds))
    )


def _unseen(site: str) -> Select[tuple[str]]:
    seen = select(_device.id).where(_device.site == site, _device.identity == devices.c.serial)
    of_site = select(sites.c.id).where(sites.c.name == site).scalar_subquery()
    return select(devices.c.serial).where(devices.c.site_id == of_site, ~seen.exists())


def forget_addresses(connection: Connection, before: datetime) -> None:
    """Forget which serial number called from which address when that is long ago: addresses are lent."""
    connection.execute(device_addresses.delete().where(device_addresses.c.seen_at < before))
