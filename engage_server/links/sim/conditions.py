"""What single Things say of a path, and what follows from all Things of a link together. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.things import Thing, ThingState
from engage_server.records import PathEvent, PathSays

ACTIVE: Final = "sim_active"
REACHABLE: Final = "sim_reachable"
UNREACHABLE: Final = "sim_unreachable"
UNREACHABLE_LONG: Final = "sim_unreachable_long"
NOT_FOUND: Final = "sim_not_found"
MOVED: Final = "sim_moved"
KIND_OF_STATE: Final[Mapping[ThingState, str]] = {
    ThingState.PROVISIONED: "sim_provisioned",
    ThingState.SUSPENDED: "sim_suspended",
    ThingState.RETIRED: "sim_retired",
    ThingState.ACTIVE: ACTIVE,
}
# where Things of one link have several, the one that an operator can end most easily is named
_ENDED_EASILY = (
    KIND_OF_STATE[ThingState.SUSPENDED],
    KIND_OF_STATE[ThingState.PROVISIONED],
    KIND_OF_STATE[ThingState.RETIRED],
    NOT_FOUND,
    UNREACHABLE_LONG,
    UNREACHABLE,
)
_TROUBLE = (PathSays.CUT, PathSays.DEGRADED)
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Condition:
    """What one Thing says of the path.

    Attributes:
        thing: Its identity.
        kind: The kind of event that it would be alone. "" if nothing is known.
        says: What follows for the path, if it were the only Thing.
        state: Its state, or what an operator may need in its place.
        group: Its Things Group.
    """

    thing: str
    kind: str
    says: PathSays
    state: str = ""
    group: str = ""


def condition_of_state(thing: Thing) -> Condition:
    """Return what a Thing's state alone says.

    A state whose word the map does not know says nothing.
    """
    if thing.state is None:
        return Condition(thing.thing, "", PathSays.NOTHING, thing.word, thing.group)
    says = PathSays.RESTORED if thing.state is ThingState.ACTIVE else PathSays.CUT
    return Condition(thing.thing, KIND_OF_STATE[thing.state], says, thing.state.value, thing.group)


def event_of(link: SimLink, conditions: Sequence[Condition], at: datetime) -> PathEvent | None:
    """Return what all Things of a link say together.

    1. If all cut the path, it is cut. If some are in trouble, or nothing is known of the others, it is degraded.
    2. If none is in trouble and one is reached, the path works.
    3. If all are ACTIVE and nothing else is known, earlier trouble is over. Whether the path works is not said.

    Args:
        link: The link.
        conditions: Of all its Things.
        at: Now; aware.

    Returns:
        None if nothing follows.
    """
    troubled = [each for each in conditions if each.says in _TROUBLE]
    if troubled:
        kinds = {each.kind for each in troubled}
        worst = next(kind for kind in _ENDED_EASILY if kind in kinds)
        is_cut = all(each.says is PathSays.CUT for each in conditions)
        says = PathSays.CUT if is_cut else PathSays.DEGRADED
        return _event(link, says, [each for each in troubled if each.kind == worst], len(conditions), at)
    working = [each for each in conditions if each.says is PathSays.WORKS]
    if working:
        return _event(link, PathSays.WORKS, working, len(conditions), at)
    if conditions and all(each.says is PathSays.RESTORED for each in conditions):
        return _event(link, PathSays.RESTORED, conditions, len(conditions), at)
    return None


def _event(link: SimLink, says: PathSays, named: Sequence[Condition], of: int, at: datetime) -> PathEvent:
    names = [each.thing for each in named[:_MOST_NAMED]]
    left = len(named) - len(names)
    detail = {"thing": ", ".join(names) + (f" and {left} more" if left else "")}
    if state := _common(named):
        detail["state"] = state
    if groups := sorted({each.group for each in named if each.group}):
        detail["group"] = ", ".join(groups[:_MOST_NAMED])
    if of > 1:
        detail["of"] = f"{len(named)} of {of} SIMs"
    return PathEvent(link.site, link.link, at, named[0].kind, says, detail)


def _common(named: Sequence[Condition]) -> str:
    """The state of most of them."""
    (state, _), *_ = Counter(each.state for each in named).most_common(1)
    return state
