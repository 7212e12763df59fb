"""How long a run is: the quick one keeps each law with fewer examples, ``--all`` tries as many as ever."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

Case = TypeVar("Case")


@dataclass
class _Run:
    all: bool = False


RUN = _Run()  # set from the command line, before the tests are imported


def examples(*, all: int, quick: int) -> int:  # noqa: A002  # said as on the command line
    """How many examples, rounds or clients a law is tried with in this run."""
    return all if RUN.all else quick


def spread(cases: Iterable[Case], *, every: int) -> list[Case]:
    """All cases of a long list; in the quick run each so many-th, always the same ones.

    Of a product, take a number that has no divisor in common with its factors' lengths: then each value comes.
    """
    return list(cases)[:: 1 if RUN.all else every]
