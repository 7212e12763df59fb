"""Which Things carry a site, and what their states say of the path to it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from engage_server.links.sim.account import SimAccount
from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.things import Thing, ThingState
from engage_server.records import PathEvent, PathSays

KIND_ACTIVE: Final = "sim_active"
KIND_OF_STATE: Final[Mapping[ThingState, str]] = {
    ThingState.PROVISIONED: "sim_provisioned",
    ThingState.SUSPENDED: "sim_suspended",
    ThingState.RETIRED: "sim_retired",
    ThingState.ACTIVE: KIND_ACTIVE,
}
# where Things of one link have several, the one that an operator can end most easily is named
_ENDED_EASILY = (ThingState.SUSPENDED, ThingState.PROVISIONED, ThingState.RETIRED)
_MOST_NAMED = 8


def things_of(link: SimLink, account: SimAccount) -> list[Thing]:
    """Read the Things that carry a site.

    Raises:
        NotFound: A Thing that the link names does not exist (``sim.not_found``).
        EngageError: What the account raises.
    """
    if link.things:
        return [account.thing(each) for each in link.things]
    return [each for each in account.things(group=link.group, tag=link.tag) if carries(link, each)]


def carries(link: SimLink, thing: Thing) -> bool:
    """Whether a link names a Thing: by its identity, its group or its tag."""
    if link.things:
        return thing.thing in link.things
    return thing.group == link.group if link.group else link.tag in thing.tags


def path_event(link: SimLink, things: Sequence[Thing], at: datetime) -> PathEvent | None:
    """Return what the states of all Things of a link say of its path.

    1. If all are ACTIVE, trouble that was reported before is over. Whether the path works is not said.
    2. If all are PROVISIONED, SUSPENDED or RETIRED, the path is cut.
    3. If only some are, or if the contract's word for another is unknown, the path is degraded.

    Args:
        link: The link.
        things: All Things that it names, as they are now.
        at: Now; aware.

    Returns:
        None if nothing follows: there is no Thing, or no state is known.
    """
    known = Counter(each.state for each in things if each.state is not None)
    idle = {state: known[state] for state in _ENDED_EASILY if known[state]}
    if idle:
        worst = next(iter(idle))
        says = PathSays.CUT if sum(idle.values()) == len(things) else PathSays.DEGRADED
        named = [each for each in things if each.state is worst]
        return _event(link, worst, says, named, len(things), at)
    if things and known[ThingState.ACTIVE] == len(things):
        return _event(link, ThingState.ACTIVE, PathSays.RESTORED, things, len(things), at)
    return None


def _event(
    link: SimLink, state: ThingState, says: PathSays, named: Sequence[Thing], of: int, at: datetime
) -> PathEvent:
    names = [each.thing for each in named[:_MOST_NAMED]]
    left = len(named) - len(names)
    detail = {"thing": ", ".join(names) + (f" and {left} more" if left else ""), "state": state.value}
    if groups := sorted({each.group for each in named if each.group}):
        detail["group"] = ", ".join(groups[:_MOST_NAMED])
    if of > 1:
        detail["of"] = f"{len(named)} of {of} SIMs"
    return PathEvent(link.site, link.link, at, KIND_OF_STATE[state], says, detail)
