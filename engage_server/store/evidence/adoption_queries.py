"""The questions about the evidence that the database answers: counts, and lists with a limit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
)

from engage_server.records import (
    AGAIN_AND_AGAIN,
    NO_LABEL,
    RECENT_TROUBLE,
    SILENCES,
    Adoption,
    Crowd,
    DeviceHistory,
    Doubt,
    Grade,
    ReleaseHistory,
    RequiredEvidence,
    SuspectDevice,
)
from engage_server.store.evidence.adoption_kinds import (
    BEHIND_CUT,
    CONFIRMED,
    ELSEWHERE,
    MOVED,
    NEW,
    OPEN_KINDS,
    REFUSED,
    SILENT,
    WAITING,
    Question,
    came_from_elsewhere,
    has_list,
    is_counted,
    is_device,
    is_listed,
    kind_of,
    seconds,
)
from engage_server.store.evidence.history_rows import history
from engage_server.store.evidence.index_conditions import NOT_QUIET
from engage_server.store.evidence.standing import HABIT_NIGHTS, Standing
from engage_server.store.interface import DeviceFilter, TroubleFilter
from engage_server.store.labels.label_queries import select_labels_at
from engage_server.store.tables import (
    EpochSeconds,
    device_addresses,
    device_histories,
    devices,
    release_histories,
    sites,
)

_SECONDS_PER_DAY = 86400
_CROWDS, _EXAMPLES = 3, 2  # how many are shown
_SHOWN = frozenset({REFUSED, SILENT, MOVED, ELSEWHERE, *Doubt})

_device = device_histories.c
_is_device = _device.is_shared_address == 0


def select_adoption(connection: Connection, question: Question) -> Adoption:
    """Judge the devices of a site for a release served since then. A site with a list counts only listed devices."""
    strangers = 0
    if has_list(connection, question.site):
        question = replace(question, only_listed=True)
        strangers = _count_strangers(connection, question.site)
    kind = kind_of(question)
    counts, names = _count(connection, kind, is_counted(question))
    behind_cut: dict[str, int] = {}
    for name, open_kind in OPEN_KINDS.items():
        if counts.pop(name, 0):
            names.pop(name)
            decided = _count(connection, open_kind(question), and_(is_counted(question), kind == name))
            for result, count in decided[0].items():
                if name == BEHIND_CUT and result in SILENCES:
                    behind_cut[result] = count
                    continue
                counts[result] = counts.get(result, 0) + count
                names[result] = [*names.get(result, []), *decided[1][result]][:_EXAMPLES]
    counts[WAITING] = counts.get(WAITING, 0) + sum(behind_cut.values())
    doubtful = {doubt: counts[doubt] for doubt in Doubt if doubt in counts}
    parts = {name: counts.get(name, 0) for name in (CONFIRMED, WAITING, REFUSED, SILENT, MOVED)}
    return Adoption(
        release=question.release,
        since=question.since,
        devices=sum(parts.values()) + sum(doubtful.values()),
        **parts,
        doubtful=doubtful,
        new=counts.get(NEW, 0),
        elsewhere=counts.get(ELSEWHERE, 0),
        strangers=strangers,
        behind_cut=behind_cut,
        crowds=_select_crowds(connection, question),
        examples=_select_examples(connection, question.site, {k: v for k, v in names.items() if k in _SHOWN}),
    )


def _count(
    connection: Connection, kind: ColumnElement[str], condition: ColumnElement[bool]
) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Count the devices of each kind. Also return two of each, the first and the last by name, at no further cost."""
    rows = select(kind.label("kind"), _device.identity).where(condition).subquery()
    grouped = select(rows.c.kind, func.count(), func.min(rows.c.identity), func.max(rows.c.identity))
    counts: dict[str, int] = {}
    names: dict[str, list[str]] = {}
    for name, count, first, last in connection.execute(grouped.group_by(rows.c.kind)):
        counts[name], names[name] = int(count), [first] if count == 1 else [first, last]
    return counts, names


def _count_strangers(connection: Connection, site: str) -> int:
    """Count the devices that finished TLS and are not on the list, of a site that has one."""
    unlisted = _device.standing == Standing.DEVICE.value
    query = select(func.count()).where(_device.site == site, unlisted, _device.finished_release > 0)
    return int(connection.scalar(query) or 0)


def _select_crowds(connection: Connection, question: Question) -> tuple[Crowd, ...]:
    """Return the addresses that the most devices without a confirmation are said to call from."""
    if question.evidence is RequiredEvidence.AUTHENTICATED:
        return ()
    query = (
        select(_device.away, func.count())
        .where(is_counted(question), came_from_elsewhere(question))
        .group_by(_device.away)
        .having(func.count() > 1)
        .order_by(func.count().desc(), _device.away)
        .limit(_CROWDS)
    )
    return tuple(Crowd(address, int(count)) for address, count in connection.execute(query))


def _select_examples(
    connection: Connection, site: str, names: Mapping[str, Sequence[str]]
) -> dict[str, tuple[SuspectDevice, ...]]:
    wanted = [name for of_kind in names.values() for name in of_kind]
    if not wanted:
        return {}
    query = select(_device.identity, _device.home, _device.away).where(
        _device.identity.in_(wanted), _device.site == site
    )
    labels = select_labels_at(connection, site, wanted)
    found = {
        row.identity: SuspectDevice(row.identity, row.home, row.away, labels.get(row.identity, NO_LABEL))
        for row in connection.execute(query)
    }
    return {kind: tuple(found[name] for name in of_kind) for kind, of_kind in names.items()}


def select_grades(connection: Connection, site: str, release: int) -> dict[Grade, int]:
    """Count the devices by grade for a release. If the site has a list, only listed devices count.

    Devices that are known only by serial number were never seen.
    """
    columns = release_histories.c
    query = (
        select(columns.grade, func.count())
        .where(columns.site == site, columns.release == release)
        .group_by(columns.grade)
    )
    of_site = select(func.count()).select_from(device_histories).where(_device.site == site)
    if has_list(connection, site):
        query = query.join(device_histories, _device.id == columns.device_id).where(is_listed())
        of_site = of_site.where(is_listed())
    else:
        of_site = of_site.where(_is_device)
    counts = {Grade(grade): int(count) for grade, count in connection.execute(query)}
    seen = connection.scalar(of_site)
    unseen = connection.scalar(select(func.count()).select_from(never_seen(site).subquery()))
    rest = int(seen or 0) - sum(counts.values()) + int(unseen or 0)
    return {Grade.NEVER_SEEN: max(0, rest)} | counts


def select_refusers(connection: Connection, site: str, release: int, since: datetime) -> dict[Grade, int]:
    """Count the devices that refused TLS since then and did not finish it with a release, by their grade with it."""
    columns = release_histories.c
    grade = func.coalesce(columns.grade, Grade.NEVER_SEEN)
    met = and_(columns.device_id == _device.id, columns.release == release)
    not_quiet: ColumnElement[bool] = text(f"({NOT_QUIET})")  # type: ignore[assignment]  # it is a condition
    query = (
        select(grade, func.count())
        .select_from(device_histories.outerjoin(release_histories, met))
        .where(_device.site == site, is_listed() if has_list(connection, site) else _is_device, not_quiet)
        .where(_device.refusals > 0, _device.refused_at >= literal(since, EpochSeconds), grade < Grade.HANDSHAKE)
        .group_by(grade)
    )
    return {Grade(reached): int(count) for reached, count in connection.execute(query)}


def select_devices(connection: Connection, site: str, wanted: DeviceFilter) -> list[DeviceHistory]:
    """Return the devices that pass a filter, longest silent first."""
    first = select(device_histories).where(_device.site == site, _is_device, passes(wanted))
    if wanted.after is not None:
        first = first.where(_is_behind(wanted.after))
    chosen = first.order_by(_device.last_seen, _device.identity).limit(wanted.limit)
    return with_grade(connection, chosen, wanted.release, "last_seen", "identity")


def passes(wanted: DeviceFilter) -> ColumnElement[bool]:
    """Whether a row passes a filter: its release, host and trouble. None does that is for devices never seen."""
    conditions: list[ColumnElement[bool]] = [false() if wanted.unseen else true()]
    if wanted.release is not None and wanted.missing:
        met = release_histories.c
        # First by what the index holds: most devices that finished last with this release need no second look-up.
        came = select(met.device_id).where(
            met.device_id == _device.id, met.release == wanted.release, met.grade >= int(Grade.HANDSHAKE)
        )
        conditions += [_device.finished_release != wanted.release, ~came.exists()]
    if wanted.host:
        conditions.append(_device.host == wanted.host)
    if wanted.trouble is not None:
        conditions.append(is_in_trouble(wanted.trouble))
    return and_(*conditions)


def with_grade(connection: Connection, rows: Select[Any], release: int | None, *order: str) -> list[DeviceHistory]:
    """Return the devices of a query over ``device_histories``, by these columns, each with its grade for a release."""
    return [device for _, device in with_row_and_grade(connection, rows, release, *order)]


def with_row_and_grade(
    connection: Connection, rows: Select[Any], release: int | None, *order: str
) -> Iterator[tuple[int, DeviceHistory]]:
    """Yield the same, each with the number of its row."""
    chosen, met = rows.subquery(), release_histories.c
    joined = and_(met.device_id == chosen.c.id, met.release == (release or 0))
    query = select(chosen, met.grade, met.reached_at).outerjoin(release_histories, joined)
    for row in connection.execute(query.order_by(*(chosen.c[name] for name in order))).mappings():
        releases = {}
        if release is not None and row["grade"] is not None:
            releases = {release: ReleaseHistory(Grade(row["grade"]), row["reached_at"])}
        yield row["id"], replace(history(row), releases=releases)


def select_unseen(connection: Connection, site: str, limit: int | None) -> list[str]:
    """Return the serial numbers that operators listed and that were never seen."""
    return list(connection.scalars(never_seen(site).order_by(devices.c.serial).limit(limit)))


def select_silences(connection: Connection, site: str) -> dict[int, int]:
    """Count the devices by the days (rounded up) for which they may be silent before they miss their habit."""
    days = (seconds(_device.due_at) - seconds(_device.last_seen)) // _SECONDS_PER_DAY
    query = (
        select(days, func.count())
        .where(_device.site == site, is_device(), _device.finished_release > 0, _device.tls_nights >= HABIT_NIGHTS)
        .group_by(days)
    )
    if has_list(connection, site):
        query = query.where(is_listed())
    return {int(day) + 1: int(count) for day, count in connection.execute(query)}


def _is_behind(last: DeviceHistory) -> ColumnElement[bool]:
    same_time = and_(_device.last_seen == last.last_seen, _device.identity > last.identity)
    return or_(_device.last_seen > last.last_seen, same_time)


def cannot_finish() -> ColumnElement[bool]:
    """The part of :func:`is_in_trouble` that is about devices which do not come through, or say so."""
    return or_(
        _device.certificates >= AGAIN_AND_AGAIN,
        seconds(_device.anchor_failed_at) > 0,
        and_(_device.notices >= AGAIN_AND_AGAIN, _device.certificates == 0),
        _device.refusals > 0,
    )


def asked_at(trouble: TroubleFilter) -> datetime:
    """Return the time of the question, rounded up to whole seconds, as times are stored.

    So "before now" and "within a week" give the same result as with the exact time.
    """
    return trouble.at if not trouble.at.microsecond else trouble.at.replace(microsecond=0) + timedelta(seconds=1)


def is_in_trouble(trouble: TroubleFilter) -> ColumnElement[bool]:
    """Return the conditions of :func:`engage_server.services.evidence.diagnosis.diagnose`, in the same order."""
    now = asked_at(trouble)
    recently = literal(now - RECENT_TROUBLE, EpochSeconds)
    return or_(
        cannot_finish(),
        _device.due_at < literal(now, EpochSeconds),
        _device.is_contested > 0,
        and_(_device.reported_at >= recently, func.substr(_device.report, 1, 4).in_(sorted(trouble.report_codes))),
        and_(_device.asked_again_at >= recently, _device.finished_at < _device.asked_again_at),
    )


def never_seen(site: str) -> Select[tuple[str]]:
    """Select the serial numbers on a site's list that it never saw."""
    of_site = select(sites.c.id).where(sites.c.name == site).scalar_subquery()
    return select(devices.c.serial).where(devices.c.site_id == of_site, devices.c.is_unseen == literal_column("1"))


def forget_addresses(connection: Connection, before: datetime) -> None:
    """Forget which serial numbers called from which addresses long ago: addresses are lent."""
    connection.execute(device_addresses.delete().where(device_addresses.c.seen_at < before))
