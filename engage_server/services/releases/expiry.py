"""Until when certificates are valid, and by when their rotation has to begin. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from engage_server.pki.chain import Chain, is_link_to
from engage_server.pki.encodings import read_der
from engage_server.services.distribution.snapshot import Snapshot
from engage_server.services.evidence.pace import Pace

MARGIN = timedelta(days=14)  # for people: to hear of it, to find the authority's keys, to look after the last device
SOON = timedelta(days=30)
# how often all devices have to come by until the last one is safe: with a new root twice, once for the transition
_ROUNDS = {"root": 2}


@dataclass(frozen=True, slots=True)
class Expiry:
    """One certificate's end.

    Attributes:
        site: Whose current release it is in.
        role: ``server``, ``intermediate`` (``intermediate 2`` and so on, where there are several), ``root`` or
            ``link``.
        not_after: Aware, UTC.
    """

    site: str
    role: str
    not_after: datetime

    def days_left(self, now: datetime) -> float:
        """Days until then; negative afterwards."""
        return (self.not_after - now).total_seconds() / 86400

    def last_safe_start(self, pace: Pace) -> datetime:
        """When its rotation has to begin at the latest: so that all devices have come by before it ends."""
        return self.not_after - MARGIN - pace.time * _ROUNDS.get(self.role, 1)


def expiries(snapshot: Snapshot) -> Iterator[Expiry]:
    """Of every certificate of every current release."""
    for release in snapshot.current.values():
        root = read_der(release.root, source=f"the root of {release.site}")
        sent = [read_der(der, source=f"the chain of {release.site}") for der in release.chain]
        links = tuple(each for each in sent[1:] if is_link_to(each, root))
        chain = Chain(root, tuple(each for each in sent[1:] if each not in links), sent[0], links)
        yield from expiries_of(chain, release.site)


def expiries_of(chain: Chain, site: str) -> Iterator[Expiry]:
    """Of every certificate of a chain."""
    yield Expiry(site, "server", chain.server.not_valid_after_utc)
    for place, intermediate in enumerate(chain.intermediates, 1):
        role = "intermediate" if place == 1 else f"intermediate {place}"
        yield Expiry(site, role, intermediate.not_valid_after_utc)
    yield Expiry(site, "root", chain.root.not_valid_after_utc)
    for link in chain.links:
        yield Expiry(site, "link", link.not_valid_after_utc)
