"""How far the devices are in a rotation."""

import click

from engage_server.cli.output import console, print_wrapped
from engage_server.cli.program import NO_BREAK
from engage_server.records import Adoption
from engage_server.services.rotation.gate.decision import crowd_of
from engage_server.services.rotation.gate.words import example_words, suspect_kinds

_BAR = 40


def print_adoption(adoption: Adoption) -> None:
    """The counts as a bar, then each kind of device that the gate waits for, with an example."""
    if adoption.devices:
        _print_bar(adoption)
    else:
        click.echo(f"  devices: none counts yet, {adoption.new} new")
    if adoption.excused:
        late = "1 is late" if adoption.excused == 1 else f"{adoption.excused} are late"
        print_wrapped(f"    {late}, and may come: the path to the site is or was cut", "      ")
    for kind in suspect_kinds(adoption):
        such_as = f", such as {example_words(kind.examples)}" if kind.examples else ""
        print_wrapped(f"    {kind.count} {kind.words}{such_as}", "      ")
    if adoption.strangers:
        click.echo(f"    {adoption.strangers} not on the site's list: not counted")
    for crowd in adoption.crowds:
        pauses = ": this pauses the rotation" if crowd == crowd_of(adoption) else ""
        print_wrapped(
            f"  {crowd.devices} of them called by TLS from {crowd.address}, which is not their address{pauses}", "    "
        )


def _print_bar(adoption: Adoption) -> None:
    out = console()
    parts = [
        (adoption.confirmed, "=", "green"),
        (adoption.waiting, ".", "dim"),
        (adoption.undecided, "?", "yellow"),
        (adoption.lost, "!", "bold red"),
    ]
    out.print("  devices ", end="")
    for count, mark, style in parts:
        cells = round(count * _BAR / adoption.devices) or int(count > 0)
        out.print(mark * cells, style=style, end="")
    click.echo("")
    counts = (
        f"{adoption.confirmed} of {adoption.devices} came through (=)",
        f"{adoption.waiting} still due (.)",
        f"{adoption.undecided} not decided (?)",
        f"{adoption.lost} lost (!)",
        f"{adoption.new} new",
    )
    print_wrapped(f"    {', '.join(each.replace(' ', NO_BREAK) for each in counts)}", "      ")
