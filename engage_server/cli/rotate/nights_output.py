"""How the doors came through, night by night, is shown."""

import click

from engage_server.services.rotation.adoption_nights import AdoptionByNight

_BAR = 30


def print_nights(adoption: AdoptionByNight | None) -> None:
    """Print a bar for each night. Nothing, if it is not known."""
    if adoption is None or not adoption.nights:
        return
    whole = max(adoption.devices, 1)
    width = len(str(adoption.devices))
    click.echo(f"  nights of release {adoption.release}, with the doors that had come through:")
    click.echo(f"    {adoption.sentence}.")
    for night in adoption.shown:
        cells = min(_BAR, round(night.confirmed * _BAR / whole) or int(night.confirmed > 0))
        bar = "=" * cells + "." * (_BAR - cells)
        click.echo(f"    {night.date:%Y-%m-%d} {bar} {night.confirmed:>{width}} of {adoption.devices}")
    if adoption.is_judged:
        click.echo(f"    the gate goes on from {adoption.enough}, and back if more than {adoption.lost} are lost")
