"""What would move, for people: one line for each SIM, or a sum where there are many."""

from collections import Counter
from collections.abc import Sequence

import click

from engage_server.cli.output import console, counted, print_wrapped, printable
from engage_server.links.commands.sim.list_command import state_of
from engage_server.links.sim.plans.moves import Footing, Move
from engage_server.links.sim.things import Thing

_LISTED = 20  # more are summed up
_FOOTING = {
    Footing.STATED: "The document states this move.",
    Footing.INFERRED: "The document only suggests this move.",
    Footing.NOT_STATED: "The document does not state this move.",
    Footing.NONE: "",
}

Planned = Sequence[tuple[Thing, Move]]


def print_plan(planned: Planned) -> None:
    """Print what would move, what it stands on and what it costs."""
    if len(planned) <= _LISTED:
        for thing, move in planned:
            _print_move(f"{thing.thing}: {_arrow(thing, move)}", move)
        return
    groups: dict[tuple[str, Move], int] = Counter((state_of(thing), move) for thing, move in planned)
    for (before, move), number in groups.items():
        _print_move(f"{counted(number, 'SIM')}: {before} -> {move.after}", move)


def _arrow(thing: Thing, move: Move) -> str:
    return str(move.after) if move.footing is Footing.NONE else f"{state_of(thing)} -> {move.after}"


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
