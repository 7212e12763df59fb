"""What a command finds while it reads SIMs: if it says more of a path than is known, it is recorded at once."""

from collections.abc import Iterable, Iterator

from engage_server.cli.session import Session
from engage_server.errors import EngageError
from engage_server.links.commands.sim.orders import warn
from engage_server.links.commands.sim.paths.poll_memory import let_polls_know
from engage_server.links.commands.sim.sim_accounts import Chosen
from engage_server.links.sim.plans.concerned import LinksOfThings
from engage_server.links.sim.plans.reports import PathReports
from engage_server.links.sim.things import Thing


def learn(session: Session, found: Chosen, things: Iterable[Thing]) -> None:
    """Record what SIMs that were read say of the paths to sites, if that is not known.

    Nothing of it stops the command: it was asked for something else.

    Args:
        session: This run.
        found: The account, and its links.
        things: The SIMs as they are now.
    """
    links = LinksOfThings(found.links)
    concerned = [each for each in things if any(links.of(each))]
    if not concerned:
        return
    try:
        _record(session, found, concerned)
    except EngageError as error:
        warn(f"what this says of the paths to sites is not recorded: {error.sentence}")


def seen(things: Iterable[Thing], kept: list[Thing]) -> Iterator[Thing]:
    """Yield SIMs, and keep them for :func:`learn`."""
    for each in things:
        kept.append(each)
        yield each


def _record(session: Session, found: Chosen, things: list[Thing]) -> None:
    side, now = session.operator_side(), session.now()
    standings = {each.standing.link: each.standing for each in side.paths.links(now)}
    reports = PathReports(found.links, found.account, side.path_recording.record, standings)
    reports.changed(things)
    for link, why in reports.report(now):
        warn(f"the path of link {link.link} is not judged: {why.sentence}")
    if not let_polls_know(session.settings(), found.account.name, reports.said):
        warn("the poll was busy and does not know of this: if it changes back, it may not say so")
