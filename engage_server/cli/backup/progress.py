"""Shows a person how far a long command is, on one line that goes when it is over."""

import sys

import click

_CLEARED = "\r\033[K"


def print_progress(sentence: str) -> None:
    """Show what is being done, in place of what was shown before. Nothing is shown unless a person looks on."""
    if sys.stderr.isatty():
        click.echo(f"{_CLEARED}{sentence}", nl=False, err=True)


def end_progress() -> None:
    """Clear that line."""
    if sys.stderr.isatty():
        click.echo(_CLEARED, nl=False, err=True)
