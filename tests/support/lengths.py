"""How long a run is: the quick one keeps each law with fewer examples, ``--all`` tries as many as ever."""

from dataclasses import dataclass


@dataclass
class _Run:
    all: bool = False


RUN = _Run()  # set from the command line, before the tests are imported


def examples(*, all: int, quick: int) -> int:  # noqa: A002  # said as on the command line
    """How many examples, rounds or clients a law is tried with in this run."""
    return all if RUN.all else quick
