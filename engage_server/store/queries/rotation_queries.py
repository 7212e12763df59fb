"""Rotations. In the caller's transaction."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update
from sqlalchemy.exc import IntegrityError

from engage_server.errors import Conflict
from engage_server.records import GatePolicy, Limit, Rotation, RotationState, RotationWay
from engage_server.store.queries.site_queries import site_id
from engage_server.store.tables import rotations, sites


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


def update_rotation(connection: Connection, before: Rotation, after: Rotation) -> None:
    """Change a rotation that is still as it was when the decision was made.

    Raises:
        Conflict: It has changed since.
    """
    _update(connection, before, _row(after))


def update_look(connection: Connection, rotation: Rotation) -> None:
    """Store the total of the gate's checks, for a rotation that is still at the same step.

    Raises:
        Conflict: It has been advanced since.
    """
    _update(connection, rotation, {"step_at": rotation.step_at, **_look(rotation)})


def _update(connection: Connection, before: Rotation, values: dict[str, Any]) -> None:
    changed = connection.execute(
        update(rotations)
        .where(
            rotations.c.number == before.number,
            rotations.c.state == before.state.value,
            rotations.c.step == before.step,
        )
        .values(values)
    )
    if changed.rowcount != 1:
        raise Conflict(
            f"somebody else was faster: the rotation of {before.site!r} has changed",
            f"Check, and decide again: engage rotate status --site {before.site}",
            code="rotation.changed",
        )


def select_rotations(connection: Connection, site: str | None, *, only_open: bool) -> list[Rotation]:
    """Return all rotations, or those of one site, oldest first."""
    query = (
        select(rotations, sites.c.name.label("site"))
        .join(sites, sites.c.id == rotations.c.site_id)
        .order_by(rotations.c.number)
    )
    if site is not None:
        query = query.where(rotations.c.site_id == site_id(connection, site))
    if only_open:
        query = query.where(rotations.c.ended_at.is_(None))
    return [_rotation(row) for row in connection.execute(query).mappings()]


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
        "approved": rotation.approved,
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
    }


def _rotation(row: RowMapping) -> Rotation:
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
        }
    )
