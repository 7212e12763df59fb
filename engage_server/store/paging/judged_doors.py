"""The devices that may be at risk tonight, preselected in the database. In the caller's transaction.

The rules are those of ``services.risk.doors``, which judges what is selected here. A property test checks that nothing
is left out here that is at risk there. Another one compares it with one condition over all rows.

Each part of the condition reads a span of an index. So a site with a million healthy doors costs what its few other
doors cost. Who is due has a span for each pair of releases that devices met last: there are few pairs.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, func, literal, select, text

from engage_server.records import RECENT_TROUBLE, DeviceHistory
from engage_server.store.database.batches import one_of
from engage_server.store.evidence.adoption_queries import asked_at, cannot_finish, is_in_trouble
from engage_server.store.evidence.anchor_queries import Met, is_of, select_met
from engage_server.store.evidence.history_rows import history
from engage_server.store.evidence.index_conditions import HAS_REPORTED, NOT_QUIET
from engage_server.store.interface import MetReleases, RiskFilter, TroubleFilter
from engage_server.store.tables import EpochSeconds, device_histories

_device = device_histories.c
_ROWS_AT_ONCE = 400
_Part = tuple[ColumnElement[bool], Column[Any]]  # and the order of the index that has it


def select_to_judge(connection: Connection, site: str, wanted: RiskFilter, limit: int) -> list[DeviceHistory]:
    """Return at most so many of them, by identity."""
    of_site = is_of(connection, site)
    found: dict[int, None] = {}
    for part, order in _parts(wanted, select_met(connection, site)):
        if len(found) >= limit:
            break
        rows = connection.scalars(select(_device.id).where(of_site, part).order_by(order).limit(limit))
        found.update(dict.fromkeys(rows))
    return _histories(connection, list(found)[:limit])


def _parts(wanted: RiskFilter, pairs: list[Met]) -> Iterator[_Part]:
    """Yield the parts of the condition, the most urgent first."""
    not_quiet: ColumnElement[bool] = text(f"({NOT_QUIET})")  # type: ignore[assignment]  # it is a condition
    yield and_(not_quiet, cannot_finish() if wanted.urgent_only else is_in_trouble(wanted.trouble)), _device.identity
    for met in wanted.met:
        yield _met(met), _device.due_at
    if wanted.urgent_only:
        return
    yield _has_reported_trouble(wanted.trouble), _device.reported_at
    for pair in pairs:
        yield and_(_is_pair(pair), _device.due_at < literal(asked_at(wanted.trouble), EpochSeconds)), _device.due_at
    yield from _of_habits(wanted, pairs)
    if wanted.hosts:
        for pair in pairs:
            if pair[0] not in (0, wanted.served):
                yield and_(_is_pair(pair), _device.host.not_in(["", *wanted.hosts])), _device.due_at


def _of_habits(wanted: RiskFilter, pairs: list[Met]) -> Iterator[_Part]:
    """Yield those whose habit lets them stay away until something has ended."""
    for pair in pairs:
        if wanted.due_after is not None:
            yield and_(_is_pair(pair), _stays_until(wanted.due_after)), _device.due_at
    for met, end in wanted.staying:
        yield and_(_met(met), _stays_until(end)), _device.due_at


def _has_reported_trouble(trouble: TroubleFilter) -> ColumnElement[bool]:
    return and_(
        text(HAS_REPORTED),
        _device.reported_at >= literal(asked_at(trouble) - RECENT_TROUBLE, EpochSeconds),
        func.substr(_device.report, 1, 4).in_(sorted(trouble.report_codes)),
    )


def _is_pair(pair: Met) -> ColumnElement[bool]:
    finished, fetched = pair
    return and_(_device.finished_release == finished, _device.fetched_release == fetched)


def _met(releases: MetReleases) -> ColumnElement[bool]:
    fetched, finished, fetched_since = releases
    since = _device.certificates > 0 if fetched_since else _device.certificates == 0
    return and_(_is_pair((finished, fetched)), since)


def _stays_until(time: datetime) -> ColumnElement[bool]:
    """Whether it may call after this time for the first time: a call is expected before the habit is missed."""
    return _device.due_at > literal(time, EpochSeconds)


def _histories(connection: Connection, ids: list[int]) -> list[DeviceHistory]:
    found: list[DeviceHistory] = []
    for first in range(0, len(ids), _ROWS_AT_ONCE):
        of_some = one_of(connection, _device.id, ids[first : first + _ROWS_AT_ONCE])
        found += [history(row) for row in connection.execute(select(device_histories).where(of_some)).mappings()]
    return sorted(found, key=lambda each: each.identity)
