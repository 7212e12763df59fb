"""Whether what was read of SIMs says more of a path than is known of it. Pure.

A command that only looks must not repeat what everybody knows: it would fill the list of events. And that a SIM is
ACTIVE ends only trouble that came from a state. That the network does not reach a SIM, its state does not contradict.
"""

from collections.abc import Sequence
from typing import Final

from engage_server.links.sim.conditions import KIND_OF_STATE
from engage_server.links.sim.things import Thing, ThingState
from engage_server.records import LinkStanding, PathEvent, PathSays
from engage_server.services.site_path.fold import noted

_OF_STATES: Final = frozenset(kind for state, kind in KIND_OF_STATE.items() if state is not ThingState.ACTIVE)


def may_be_news(standing: LinkStanding, thing: Thing) -> bool:
    """Whether it is worth reading the other SIMs of the link.

    Args:
        standing: What is known of the link.
        thing: One of its SIMs, as it is now.
    """
    if thing.state is ThingState.ACTIVE:
        return standing.trouble_by in _OF_STATES
    return thing.state is not None


def is_news(standing: LinkStanding, events: Sequence[PathEvent]) -> bool:
    """Whether events change what the fold knows of the link's trouble.

    Args:
        standing: What is known of the link.
        events: What its SIMs say together, in order.
    """
    is_of_states = standing.trouble_by in _OF_STATES
    if any(event.says is PathSays.RESTORED for event in events) and not is_of_states:
        return False
    after = standing
    for event in events:
        after = noted(after, event)
    return (after.trouble, after.trouble_by) != (standing.trouble, standing.trouble_by)
