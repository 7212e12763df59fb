"""Rotations. In the caller's transaction."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, func, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from engage_server.errors import Conflict, NotFound
from engage_server.records import Approval, GatePolicy, Limit, Rotation, RotationState, RotationWay
from engage_server.store.queries.site_queries import site_id
from engage_server.store.tables import approvals, rotations, sites


def insert_rotation(connection: Connection, rotation: Rotation) -> int:
    """Add a rotation. Return its number.

    Raises:
        NotFound: There is no such site.
        Conflict: The site has an open rotation.
    """
    values = _row(rotation) | {"site_id": site_id(connection, rotation.site)}
    try:
        found = connection.execute(rotations.insert().values(values).returning(rotations.c.number)).scalar_one()
    except IntegrityError:
        raise Conflict(
            f"site {rotation.site!r} already has an open rotation",
            f"See: engage rotate status --site {rotation.site}",
            code="rotation.open",
        ) from None
    return int(found)


def update_rotation(connection: Connection, before: Rotation, after: Rotation, *, as_looked: bool = False) -> None:
    """Change a rotation that is still as it was when the decision was made.

    Raises:
        Conflict: It has changed since, or somebody has approved it. Or another process has looked since, if
            ``as_looked``.
    """
    _update(connection, before, _row(after), as_looked=as_looked)
    # the update locks the row that whoever approves locks, too: so nothing is approved between this and the commit
    if _count_approvals(connection, before.number) != len(before.approvals):
        raise _changed(before.site)


def insert_approval(connection: Connection, rotation: Rotation, approval: Approval, *, clears_why: bool) -> None:
    """Add an approval, or replace the same person's earlier one of that step.

    Raises:
        Conflict: The rotation has been advanced, or has ended.
    """
    is_there = and_(rotations.c.number == rotation.number, rotations.c.step == approval.step)
    why = "" if clears_why else rotations.c.why
    locked = connection.execute(update(rotations).where(is_there, rotations.c.ended_at.is_(None)).values(why=why))
    if locked.rowcount != 1:
        raise _changed(rotation.site)
    key = {"rotation": rotation.number, "step": approval.step, "person": approval.person}
    values = {"at": approval.at, "reason": approval.reason}
    same = and_(*(approvals.c[name] == value for name, value in key.items()))
    once_alone = or_(approvals.c.is_alone, literal(approval.is_alone))  # it stays enough when it is given again
    if connection.execute(update(approvals).where(same).values(values | {"is_alone": once_alone})).rowcount == 0:
        connection.execute(approvals.insert().values(key | values | {"is_alone": approval.is_alone}))


def update_look(connection: Connection, before: Rotation, after: Rotation) -> None:
    """Store the total of the gate's checks, for a rotation that is still at the same step, and was not looked at since.

    Raises:
        Conflict: It has been advanced since, or another process has looked: a total of before would undo its doubt.
    """
    _update(connection, before, {"step_at": after.step_at, **_look(after)}, as_looked=True)


def _update(connection: Connection, before: Rotation, values: dict[str, Any], *, as_looked: bool) -> None:
    same = [
        rotations.c.number == before.number,
        rotations.c.state == before.state.value,
        rotations.c.step == before.step,
    ]
    if as_looked:
        same.append(rotations.c.looked_at.is_not_distinct_from(before.looked_at))
    changed = connection.execute(update(rotations).where(*same).values(values))
    if changed.rowcount != 1:
        raise _changed(before.site)


def select_rotations(connection: Connection, site: str | None, *, only_open: bool) -> list[Rotation]:
    """Return all rotations, or those of one site, oldest first."""
    query = _every().order_by(rotations.c.number)
    if site is not None:
        query = query.where(rotations.c.site_id == site_id(connection, site))
    if only_open:
        query = query.where(rotations.c.ended_at.is_(None))
    return _found(connection, query)


def select_rotation(connection: Connection, site: str, number: int) -> Rotation:
    """Return one rotation of a site.

    Raises:
        NotFound: There is no such site, or the site has no such rotation.
    """
    of_site = rotations.c.site_id == site_id(connection, site)
    found = _found(connection, _every().where(of_site, rotations.c.number == number))
    if not found:
        raise NotFound(
            f"site {site!r} has no rotation {number}",
            f"List them: engage rotate status --site {site}",
            code="rotation.not_found",
        )
    return found[0]


def select_below(connection: Connection, site: str, number: int | None, limit: int) -> list[Rotation]:
    """Return the rotations of a site with a lower number, newest first. None begins at the newest.

    Raises:
        NotFound: There is no such site.
    """
    query = _every().where(rotations.c.site_id == site_id(connection, site))
    if number is not None:
        query = query.where(rotations.c.number < number)
    return _found(connection, query.order_by(rotations.c.number.desc()).limit(limit))


def _every() -> Select[Any]:
    return select(rotations, sites.c.name.label("site")).join(sites, sites.c.id == rotations.c.site_id)


def _found(connection: Connection, query: Select[Any]) -> list[Rotation]:
    rows = connection.execute(query).mappings().all()
    given = _select_approvals(connection, [row["number"] for row in rows])
    return [_rotation(row, tuple(given[row["number"]])) for row in rows]


def _select_approvals(connection: Connection, numbers: Sequence[int]) -> dict[int, list[Approval]]:
    found: dict[int, list[Approval]] = {number: [] for number in numbers}
    if numbers:
        between = approvals.c.rotation.between(min(numbers), max(numbers))  # as many as there are
        for row in connection.execute(select(approvals).where(between).order_by(approvals.c.at, approvals.c.person)):
            if row.rotation in found:
                found[row.rotation].append(Approval(row.step, row.person, row.at, row.reason, row.is_alone))
    return found


def _count_approvals(connection: Connection, number: int) -> int:
    query = select(func.count()).select_from(approvals).where(approvals.c.rotation == number)
    return connection.execute(query).scalar_one()


def _changed(site: str) -> Conflict:
    return Conflict(
        f"somebody else was faster: the rotation of {site!r} has changed",
        f"Check, and decide again: engage rotate status --site {site}",
        code="rotation.changed",
    )


def _row(rotation: Rotation) -> dict[str, Any]:
    return {
        "way": rotation.way.value,
        "state": rotation.state.value,
        "from_release": rotation.from_release,
        "releases": list(rotation.releases),
        "step": rotation.step,
        "step_at": rotation.step_at,
        "folder": rotation.folder,
        "policy": asdict(rotation.policy),
        "after": list(rotation.after),
        "started_at": rotation.started_at,
        "started_by": rotation.started_by,
        "ended_at": rotation.ended_at,
        "why": rotation.why,
        **_look(rotation),
    }


def _look(rotation: Rotation) -> dict[str, Any]:
    return {
        "looked_at": rotation.looked_at,
        "looked_boot": rotation.looked_boot,
        "looked_clock": rotation.looked_clock,
        "soaked_seconds": rotation.soaked_seconds,
        "unsure_until": rotation.unsure_until,
        "unsure_why": rotation.unsure_why,
        "postponed_since": rotation.postponed_since,
    }


def _rotation(row: RowMapping, given: tuple[Approval, ...]) -> Rotation:
    values = {name: value for name, value in row.items() if name != "site_id"}
    policy = dict(values["policy"])
    policy |= {"missing": Limit(**policy["missing"]), "lost": Limit(**policy["lost"])}
    return Rotation(
        **values
        | {
            "way": RotationWay(values["way"]),
            "state": RotationState(values["state"]),
            "releases": tuple(values["releases"]),
            "after": tuple(values["after"]),
            "policy": GatePolicy(**policy),
            "approvals": given,
        }
    )
