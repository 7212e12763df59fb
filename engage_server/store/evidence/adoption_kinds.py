"""Decides, in SQL, which kind of device a row of ``device_histories`` is for the gate: row by row, in the database.

The order of the kinds is part of the rule: the first one that holds is the kind. Some kinds are still open then: they
depend on the other callers from the same address, which is queried only for those rows. ``docs/rotation.md`` explains
the rules.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    case,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    type_coerce,
)

from engage_server.records import AGAIN_AND_AGAIN, CutPath, Doubt, RequiredEvidence
from engage_server.store.evidence.cut_conditions import is_behind
from engage_server.store.evidence.standing import HABIT_NIGHTS, Standing
from engage_server.store.tables import EpochSeconds, device_histories, devices, sites

_HOUR = 3600
# the same as in services.evidence.patience; here for devices whose proven visits are counted
_USUAL_PATIENCE, _SHORTEST_PATIENCE, _PATIENCE_BEYOND = 60 * _HOUR, 36 * _HOUR, 12 * _HOUR

NEW, OTHER, ELSEWHERE = "new", "other", "elsewhere"
CONFIRMED, WAITING, REFUSED, SILENT, MOVED = "confirmed", "waiting", "refused", "silent", "moved"
CAME_AFTER_A_MOVE, LOST_BY_TLS, FELL_SILENT = "came after a move", "lost by TLS", "fell silent"
BEHIND_CUT = "behind a cut"  # late, and the path to the site is or was cut: what it would count as is still open

_device = device_histories.c
_other = device_histories.alias("other")


@dataclass(frozen=True, slots=True)
class Question:
    """The gate's question about the devices of a site.

    Attributes:
        site: The site's name.
        release: The release that is served.
        since: Since when it has been served; aware.
        now: Aware.
        evidence: Which evidence counts.
        only_listed: Count only devices that are on the operators' list.
        path: When nothing came through to the site. None: it was never cut.
    """

    site: str
    release: int
    since: datetime
    now: datetime
    evidence: RequiredEvidence = RequiredEvidence.ANY
    only_listed: bool = False
    path: CutPath | None = None


def seconds(column: ColumnElement[Any]) -> ColumnElement[int]:
    """Return the number as which a time is stored, for calculations."""
    return type_coerce(column, BigInteger)


def is_counted(question: Question) -> ColumnElement[bool]:
    """Whether a row is a device at all: not a visitor, and not an address of several devices."""
    return and_(_device.site == question.site, is_listed() if question.only_listed else is_device())


def is_device() -> ColumnElement[bool]:
    """A serial number, or an unshared address with finished handshakes on three days: one visit is not enough."""
    return _device.standing.in_([Standing.DEVICE.value, Standing.LISTED.value])


def kind_of(question: Question) -> ColumnElement[str]:
    """Return the kind of a row, by the evidence that the site requires."""
    demands: dict[RequiredEvidence, Callable[[Question], ColumnElement[str]]] = {
        RequiredEvidence.ANY: _kind_by_address,
        RequiredEvidence.AUTHENTICATED: _kind_by_token,
    }
    return demands[question.evidence](question)


def came_from_elsewhere(question: Question) -> ColumnElement[bool]:
    """Whether a handshake in its name was finished since then from another address, and none from its own."""
    at = _at(question.since)
    finished = and_(_device.away_release == question.release, _device.away_finished_at >= at)
    return and_(is_somewhere(_device.away), finished, not_(_finished_at_home(question)))


def is_somewhere(away: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether there is such an address, worded like the condition of the index, which holds only such rows."""
    return away > literal_column("''")


def _kind_by_address(question: Question) -> ColumnElement[str]:
    at, now = _at(question.since), _at(question.now)
    is_well = _was_well_at_home(question)
    # a visit from elsewhere keeps it from being forgotten: another device may have taken its address long ago
    elsewhere = and_(
        _device.finished_release > 0, seconds(_device.away_seen_at) + _USUAL_PATIENCE >= _epoch(question.since)
    )
    settled = _device.home_since <= at  # it had its usual address already when the step began
    refuses = and_(_device.refusals > 0, _device.refused_at >= at)
    loops = and_(refuses, _device.refusals >= AGAIN_AND_AGAIN, _device.certificates >= AGAIN_AND_AGAIN)
    is_due = _device.due_at < now
    may_be_silent = seconds(_device.due_at) - seconds(_device.last_seen)
    seen_lately = seconds(_device.away_seen_at) + may_be_silent >= _epoch(question.now)  # a night before the step
    lost_by_tls = and_(refuses, or_(loops, is_due))
    return case(
        (_device.first_seen >= at, NEW),
        (and_(not_(is_well), elsewhere), ELSEWHERE),
        (not_(is_well), OTHER),
        (_device.is_contested == 1, Doubt.CONTESTED.value),
        (_device.anchor_failed_at >= at, Doubt.SAYS_NO.value),  # TLS may still work, with its earlier anchor
        (and_(_finished_at_home(question), settled), CONFIRMED),
        (_finished_at_home(question), CAME_AFTER_A_MOVE),
        (and_(lost_by_tls, not_(settled)), Doubt.NEW_ADDRESS.value),
        (lost_by_tls, LOST_BY_TLS),
        (_device.certificates >= AGAIN_AND_AGAIN, Doubt.PLAIN_LOOP.value),
        (not_(settled), Doubt.NEW_ADDRESS.value),  # not waited for: a caller that took its name is never late
        (not_(is_due), WAITING),
        (or_(_device.away_seen_at >= at, seen_lately), MOVED),
        (is_behind(question.path, question.now, seconds(_device.due_at), may_be_silent), BEHIND_CUT),
        (_device.tls_nights < HABIT_NIGHTS, Doubt.SILENT_NO_HABIT.value),
        else_=FELL_SILENT,
    )


def _came_after_a_move(question: Question) -> ColumnElement[str]:
    claimed = _exists(and_(is_somewhere(_other.c.away), _other.c.away == _device.home), question.site)
    return case((or_(_is_shared(question), claimed), Doubt.TOGETHER.value), else_=CONFIRMED)


def _lost_by_tls(question: Question) -> ColumnElement[str]:
    return case(
        (_is_shared(question), Doubt.REFUSED_SHARED.value),
        else_=REFUSED,
    )


def _fell_silent(question: Question) -> ColumnElement[str]:
    unlisted = and_(_other.c.home == _device.home, not_(is_listed(_other.c)))
    are_listed = and_(is_listed(), not_(_exists(unlisted, question.site)))
    return case(
        (not_(_is_shared(question)), SILENT),
        (_refused_at(_device.home, question), Doubt.REFUSED_SHARED.value),
        (are_listed, SILENT),
        else_=Doubt.SILENT_SHARED.value,
    )


def _late_behind_cut(question: Question) -> ColumnElement[str]:
    """What a device would count as if the path to it had never been cut."""
    if question.evidence is RequiredEvidence.AUTHENTICATED:
        return case((_has_proven_habit(question), SILENT), else_=Doubt.SILENT_NO_HABIT.value)
    return case(
        (_device.tls_nights < HABIT_NIGHTS, Doubt.SILENT_NO_HABIT.value),
        else_=_fell_silent(question),
    )


# kinds that depend on other devices, too; queried only for these rows, because each needs a look-up in an index
OPEN_KINDS: dict[str, Callable[[Question], ColumnElement[str]]] = {
    CAME_AFTER_A_MOVE: _came_after_a_move,
    LOST_BY_TLS: _lost_by_tls,
    FELL_SILENT: _fell_silent,
    BEHIND_CUT: _late_behind_cut,
}


def _is_shared(question: Question) -> ColumnElement[bool]:
    """Whether others call from its address, or did recently.

    If only present callers counted, an attacker could move the others away in the evidence, and leave one alone.
    """
    of_several = and_(
        _other.c.site == question.site, _other.c.identity == _device.home, _other.c.is_shared_address == 1
    )
    did_lately = select(_other.c.id).where(of_several).correlate(device_histories).exists()
    return or_(_exists(_other.c.home == _device.home, question.site), did_lately)


def _kind_by_token(question: Question) -> ColumnElement[str]:
    """Judge by visits with a token only, from any address. Nothing else decides."""
    at, now = _at(question.since), _at(question.now)
    proven_until, was_proven = _proven_until(), _was_proven(question)
    confirmed = and_(_device.authenticated_release == question.release, _device.authenticated_at >= at)
    is_due = case((_device.authenticated_nights > 0, proven_until < _epoch(question.now)), else_=_device.due_at < now)
    loops = and_(_device.refusals >= AGAIN_AND_AGAIN, _device.certificates >= AGAIN_AND_AGAIN, _device.refused_at >= at)
    due = case((_device.authenticated_nights > 0, proven_until), else_=seconds(_device.due_at))
    # who refuses since then is not kept away by the path
    behind_cut = and_(not_(loops), is_behind(question.path, question.now, due, _proven_patience()))
    return case(
        (_device.first_seen >= at, NEW),
        (not_(or_(was_proven, _was_well_at_home(question))), OTHER),
        (_device.anchor_failed_at >= at, Doubt.SAYS_NO.value),
        (confirmed, CONFIRMED),
        (and_(is_due, _has_proven_habit(question), not_(behind_cut)), SILENT),  # whatever else is claimed
        (loops, Doubt.REFUSED_UNPROVEN.value),
        (not_(is_due), WAITING),
        (behind_cut, BEHIND_CUT),
        else_=Doubt.SILENT_NO_HABIT.value,
    )


def _was_well_at_home(question: Question) -> ColumnElement[bool]:
    """Whether it had kept its habit by ``since``: its allowed silence, counted from its last handshake at home."""
    may_be_silent = seconds(_device.due_at) - seconds(_device.last_seen)
    return and_(_device.finished_release > 0, seconds(_device.finished_at) + may_be_silent >= _epoch(question.since))


def _finished_at_home(question: Question) -> ColumnElement[bool]:
    return and_(_device.finished_release == question.release, _device.finished_at >= _at(question.since))


def _proven_until() -> ColumnElement[int]:
    return seconds(_device.authenticated_at) + _proven_patience()


def _was_proven(question: Question) -> ColumnElement[bool]:
    """Whether it had kept its habit by ``since``, by its proven visits only."""
    return and_(_device.authenticated_release > 0, _proven_until() >= _epoch(question.since))


def _has_proven_habit(question: Question) -> ColumnElement[bool]:
    return and_(_was_proven(question), _device.authenticated_nights >= HABIT_NIGHTS)


def _proven_patience() -> ColumnElement[int]:
    """Its habit by its proven visits only: others can come more often in its name, which would make it shorter."""
    gaps = _device.authenticated_nights - 1
    twice = 2 * (seconds(_device.authenticated_at) - seconds(_device.first_seen)) / func.nullif(gaps, 0)
    return case(
        (_device.authenticated_nights < HABIT_NIGHTS, _USUAL_PATIENCE),
        (twice + _PATIENCE_BEYOND < _SHORTEST_PATIENCE, _SHORTEST_PATIENCE),
        else_=twice + _PATIENCE_BEYOND,
    )


def _exists(condition: ColumnElement[bool], site: str) -> ColumnElement[bool]:
    """Whether there is another device of the site that meets the condition."""
    another = and_(_other.c.site == site, _other.c.is_shared_address == 0, _other.c.id != _device.id)
    return select(_other.c.id).where(another, condition).correlate(device_histories).exists()


def _refused_at(address: ColumnElement[str], question: Question) -> ColumnElement[bool]:
    """Whether an unknown caller refused from this address."""
    there = and_(_other.c.site == question.site, _other.c.identity == address, _other.c.refusals > 0)
    return (
        select(_other.c.id)
        .where(there, _other.c.refused_at >= _at(question.since))
        .correlate(device_histories)
        .exists()
    )


def has_list(connection: Connection, site: str) -> bool:
    """Whether operators gave a list of the site's devices: then only listed devices count."""
    of_site = select(sites.c.id).where(sites.c.name == site).scalar_subquery()
    return connection.scalar(select(devices.c.serial).where(devices.c.site_id == of_site).limit(1)) is not None


def is_unlisted(site: str) -> ColumnElement[bool]:
    """Whether operators gave a list of the site's devices, and this one is not on it."""
    of_site = select(sites.c.id).where(sites.c.name == site).scalar_subquery()
    has_list = select(devices.c.serial).where(devices.c.site_id == of_site).exists()
    return and_(has_list, not_(is_listed()))


def is_listed(columns: Any = _device) -> ColumnElement[bool]:
    """Whether the device of a row is on the list of the row's site."""
    listed: ColumnElement[bool] = columns.standing == Standing.LISTED.value
    return listed


def _at(time: datetime) -> ColumnElement[datetime]:
    return literal(time, EpochSeconds)


def _epoch(at: datetime) -> int:
    return int(at.timestamp())
