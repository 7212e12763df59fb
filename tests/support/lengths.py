"""How long a run is. The quick one keeps each law with few examples, ``--all`` with more: it is what CI runs.

``--campaign`` is everything, at full length: run by hand, with its results in ``docs/campaigns.md``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

Case = TypeVar("Case")


@dataclass
class _Run:
    all: bool = False  # also in a campaign
    campaign: bool = False


RUN = _Run()  # set from the command line, before the tests are imported


def examples(*, all: int, quick: int, campaign: int | None = None) -> int:  # noqa: A002  # said as on the command line
    """How many examples, rounds or clients a law is tried with in this run. A campaign has CI's unless it says more."""
    if RUN.campaign and campaign is not None:
        return campaign
    return all if RUN.all else quick


def spread(cases: Iterable[Case], *, every: int, all: int = 1) -> list[Case]:  # noqa: A002  # as above
    """Each so many-th case of a long list, always the same ones: ``every`` in the quick run, ``all`` in CI's.

    A campaign has each case. Of a product, take numbers that have no divisor in common with its factors' lengths: then
    each value comes.
    """
    return list(cases)[:: 1 if RUN.campaign else all if RUN.all else every]
