"""The devices that may be at risk tonight, preselected in the database. In the caller's transaction.

The rules are those of ``services.risk.doors``, which judges what is selected here. A property test checks that nothing
is left out here that is at risk there.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, literal, not_, or_, select

from engage_server.records import DeviceHistory
from engage_server.store.evidence.adoption_kinds import has_a_name_or_a_habit, is_unlisted
from engage_server.store.evidence.adoption_queries import cannot_finish, is_in_trouble
from engage_server.store.evidence.history_queries import history
from engage_server.store.interface import MetReleases, RiskFilter
from engage_server.store.tables import EpochSeconds, device_histories

_device = device_histories.c


def select_to_judge(
    connection: Connection, site: str, wanted: RiskFilter, after: str, limit: int
) -> list[DeviceHistory]:
    """Return those after this identity, in its order."""
    of_site = and_(_device.site == site, _device.is_shared_address == 0, _device.identity > after)
    query = (
        select(device_histories)
        .where(of_site, _may_be_at_risk(wanted), has_a_name_or_a_habit(), not_(is_unlisted(site)))
        .order_by(_device.identity)
        .limit(limit)
    )
    return [history(row) for row in connection.execute(query).mappings()]


def _may_be_at_risk(wanted: RiskFilter) -> ColumnElement[bool]:
    conditions = [cannot_finish() if wanted.urgent_only else is_in_trouble(wanted.trouble)]
    conditions += [_met(each) for each in wanted.met]
    if wanted.hosts:
        conditions.append(
            and_(_device.host.not_in(["", *wanted.hosts]), _device.finished_release.not_in([0, wanted.served]))
        )
    if wanted.due_after is not None:
        conditions.append(_stays_until(wanted.due_after))
    conditions += [and_(_met(each), _stays_until(end)) for each, end in wanted.staying]
    return or_(*conditions)


def _met(releases: MetReleases) -> ColumnElement[bool]:
    fetched, finished, fetched_since = releases
    since = _device.certificates > 0 if fetched_since else _device.certificates == 0
    return and_(_device.finished_release == finished, _device.fetched_release == fetched, since)


def _stays_until(time: datetime) -> ColumnElement[bool]:
    """Whether it may call after this time for the first time: a call is expected before the habit is missed."""
    return _device.due_at > literal(time, EpochSeconds)
