"""When devices came to a release. In the caller's transaction."""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, select

from engage_server.records import Grade, RequiredEvidence
from engage_server.store.evidence.adoption_kinds import (
    CAME_AFTER_A_MOVE,
    CONFIRMED,
    OPEN_KINDS,
    Question,
    has_list,
    is_counted,
    is_listed,
    kind_of,
    seconds,
)
from engage_server.store.evidence.standing import HABIT_NIGHTS
from engage_server.store.tables import EpochSeconds, device_histories, release_histories

_QUARTER = 900  # seconds; every time zone has its noon at the beginning of a quarter of an hour
_SECONDS_PER_DAY = 86400

_device, _met = device_histories.c, release_histories.c


def select_arrivals(connection: Connection, site: str, release: int, since: datetime) -> dict[int, int]:
    """Count the devices by the days after that time on which they first finished a handshake with a release."""
    # one visit is no habit: a TLS client that connects once must not change the pace
    with_habit = select(_device.id).where(_device.id == _met.device_id, _device.tls_nights >= HABIT_NIGHTS)
    if has_list(connection, site):
        with_habit = with_habit.where(is_listed())
    days = (seconds(_met.reached_at) - int(since.timestamp())) // _SECONDS_PER_DAY
    query = (
        select(days, func.count())
        .where(_met.site == site, _met.release == release, _met.grade >= int(Grade.HANDSHAKE))
        .where(_met.reached_at >= literal(since, EpochSeconds), with_habit.exists())
        .group_by(days)
    )
    return {int(day): int(count) for day, count in connection.execute(query)}


def select_confirmations(connection: Connection, question: Question) -> dict[datetime, int]:
    """Count the devices that the gate confirms now, by the beginning of the quarter of an hour in which each first was.

    What a device did before the release was served counts for nothing. If it met the release before, only its last
    visit is known.
    """
    if has_list(connection, question.site):
        question = replace(question, only_listed=True)
    by_token = question.evidence is RequiredEvidence.AUTHENTICATED
    least, last = (
        (Grade.AUTHENTICATED, _device.authenticated_at) if by_token else (Grade.HANDSHAKE, _device.finished_at)
    )
    joined = and_(
        _met.device_id == _device.id,
        _met.release == question.release,
        _met.grade >= int(least),
        _met.reached_at >= literal(question.since, EpochSeconds),
    )
    first = func.coalesce(seconds(_met.reached_at), seconds(last)) // _QUARTER
    query = (
        select(first, func.count())
        .select_from(device_histories.outerjoin(release_histories, joined))
        .where(is_counted(question), _is_confirmed(question))
        .group_by(first)
    )
    return {
        datetime.fromtimestamp(int(quarter) * _QUARTER, UTC): int(count) for quarter, count in connection.execute(query)
    }


def _is_confirmed(question: Question) -> ColumnElement[bool]:
    kind = kind_of(question)
    after_a_move = OPEN_KINDS[CAME_AFTER_A_MOVE](question) == CONFIRMED
    return case((kind == CONFIRMED, True), (kind == CAME_AFTER_A_MOVE, after_a_move), else_=False)
