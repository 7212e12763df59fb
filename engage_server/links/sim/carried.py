"""Which Things carry a site, and what their states say of the path to it."""

from collections.abc import Sequence
from datetime import datetime

from engage_server.links.sim.account import SimAccount
from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.conditions import condition_of_state, event_of
from engage_server.links.sim.things import Thing
from engage_server.records import PathEvent


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
    return event_of(link, [condition_of_state(each) for each in things], at)
