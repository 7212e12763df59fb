"""What would move, for people: one line for all SIMs whose move is the same."""

from collections import defaultdict
from collections.abc import Sequence

import click

from engage_server.cli.output import console, counted, print_wrapped, printable
from engage_server.links.commands.sim.list_command import state_of
from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.plans.concerned import LinksOfThings
from engage_server.links.sim.plans.moves import Footing, Move
from engage_server.links.sim.things import Thing, ThingState

_NAMED = 3  # more are counted
_SITES_NAMED = 10
_FOOTING = {
    Footing.STATED: "The document states this move.",
    Footing.INFERRED: "The document only suggests this move.",
    Footing.NOT_STATED: "The document does not state this move.",
    Footing.NONE: "",
}

Planned = Sequence[tuple[Thing, Move]]


def print_plan(planned: Planned, links: Sequence[SimLink]) -> None:
    """Print what would move, what it stands on, what it costs, and which sites hang on it.

    Args:
        planned: Each SIM, and its move.
        links: All links of the account.
    """
    groups: dict[tuple[str, Move], list[Thing]] = defaultdict(list)
    for thing, move in planned:
        groups[state_of(thing), move].append(thing)
    for (before, move), things in groups.items():
        arrow = str(move.after) if move.footing is Footing.NONE else f"{before} -> {move.after}"
        _print_move(f"{named(things)}: {arrow}", move)
    moving = [thing for thing, move in planned if move.is_needed and move.after is not ThingState.ACTIVE]
    if sites := LinksOfThings(links).sites(moving):
        shown = ", ".join(sites[:_SITES_NAMED]) + (" and others" if len(sites) > _SITES_NAMED else "")
        print_wrapped(f"Doors that have no other path are cut off: site {printable(shown)}", "")


def named(things: Sequence[Thing]) -> str:
    """SIMs, for a line or a question: a few by name, many by number."""
    if len(things) <= _NAMED:
        return printable(", ".join(each.thing for each in things))
    return counted(len(things), "SIM")


def _print_move(line: str, move: Move) -> None:
    style = "bold red" if move.is_refused or move.is_final else "bold" if move.is_needed else "dim"
    console().print(line, style=style)
    said = "" if move.is_refused else _FOOTING[move.footing]
    for sentence in filter(None, (f"{said} {move.why}".strip(), move.charges)):
        print_wrapped(f"  {printable(sentence)}", "  ")
    if move.is_refused:
        click.echo("  It is left as it is.")
    elif move.is_final:
        click.echo("  By our reading, this is final.")
