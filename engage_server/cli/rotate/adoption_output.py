"""How far the devices are in a rotation."""

import click

from engage_server.cli.output import NO_BREAK, console, print_wrapped
from engage_server.records import Adoption
from engage_server.services.rotation.gate.decision import crowd_of
from engage_server.services.rotation.gate.words import doubt_words, example_words

_BAR = 40
_KINDS = {
    "refused": "refused TLS from their usual address",
    "silent": "missed their habit of three nights or more",
    "moved": "called from another address, which counts after three nights in a row",
    "elsewhere": "not counted: not well before, and seen at another address recently",
}


def print_adoption(adoption: Adoption) -> None:
    """The counts as a bar, then each kind of device that the gate waits for, with an example."""
    if adoption.devices:
        _print_bar(adoption)
    else:
        click.echo(f"  devices: none counts yet, {adoption.new} new")
    for name, words in _KINDS.items():
        _print_kind(adoption, name, getattr(adoption, name), words)
    for doubt, count in adoption.doubtful.items():
        _print_kind(adoption, doubt.value, count, doubt_words(doubt))
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


def _print_kind(adoption: Adoption, kind: str, count: int, words: str) -> None:
    if count:
        examples = adoption.examples.get(kind, ())
        such_as = f", such as {example_words(examples)}" if examples else ""
        print_wrapped(f"    {count} {words}{such_as}", "      ")
