"""Works out which trust anchor devices hold, and which chains they accept with it. Used before a release goes live.

How that follows from the evidence is said in :mod:`.possible_anchors`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from engage_server.checks.rules.name_rules import unnamed_hosts
from engage_server.records import NO_LABEL, Grade, NamedDevice, ReleaseState
from engage_server.services.evidence.callers import HostCallers, callers_of_other_hosts
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.releases.possible_anchors import JudgeFor, PossibleAnchors
from engage_server.services.releases.reception import Reception
from engage_server.services.releases.retirement import GO_BACK_TO, STILL_NEED, RetirementAdvice, advise
from engage_server.store.interface import AnchorClue, EvidenceStore, ReleaseStore, RotationStore, SiteStore

_EXAMPLES = 10


class HoldersStore(SiteStore, ReleaseStore, EvidenceStore, RotationStore, Protocol):
    """The part of the store that this needs."""


class HeldAnchors:
    """Works out from the evidence which anchors devices hold.

    Args:
        store: Holds the evidence and the releases.
        judge_for: Gives the judge.
    """

    def __init__(self, store: HoldersStore, judge_for: JudgeFor) -> None:
        self._store = store
        self._judge_for = judge_for

    def reception(self, site_name: str, number: int, now: datetime, *, accepting: int | None = None) -> Reception:
        """Count the devices of a site that would accept or refuse this release if it were served now.

        Args:
            site_name: The site.
            number: One of its releases.
            now: The time, timezone-aware.
            accepting: Count only devices that certainly accept this release. None counts all.

        Raises:
            NotFound: There is no such site or release.
        """
        asked = self._store.release(site_name, number)
        held = PossibleAnchors(self._store.site(site_name), self._store.releases(site_name), self._judge_for)
        clues = self._store.anchor_clues(site_name)
        known = [each for each in clues if each.finished_release and not each.is_stranger]
        if accepting is not None:
            first = self._store.release(site_name, accepting)
            known = [each for each in known if held.accept(each, first)]
        elsewhere = [each for each in known if not held.only(each, asked)]
        refusing = [each for each in known if held.refuses(each, asked, now, by=all)]
        doubtful = [each for each in known if each not in refusing and held.refuses(each, asked, now, by=any)]
        return Reception(
            site=site_name,
            release=number,
            devices=_count(known),
            hold=_count(known) - _count(elsewhere),
            refuse=_count(refusing),
            may_refuse=_count(doubtful),
            refusing=self._names(site_name, refusing),
            not_holding=self._names(site_name, elsewhere),
            unanswered=unnamed_hosts(chain_of(asked).server, held.site.hosts),
            never_finished=_count(each for each in clues if not each.finished_release and not each.is_stranger),
            unseen=len(self._store.unseen_devices(site_name)),
            strangers=_count(each for each in clues if each.finished_release and each.is_stranger),
            stuck=sum(each.stuck for each in refusing),
            is_refused_for_good=bool(refusing) and held.refuses_with_its_own(asked, now),
        )

    def refusers(self, site: str, release: int) -> Mapping[Grade, int]:
        """How many devices refuse what is served, by the grade that they reached with it. Empty for another release.

        Only of what is served it is known which release they refused: a device's last refusal is kept, and no earlier.

        Raises:
            NotFound: There is no such site or release.
        """
        found = self._store.release(site, release)
        if found.state is not ReleaseState.CURRENT or found.activated_at is None:
            return {}
        return self._store.refusers(site, release, found.activated_at)

    def callers_left_out(self, site_name: str, number: int, now: datetime) -> list[HostCallers]:
        """The devices that call a host that the site no longer has, and that this release's certificate is not for.

        Raises:
            NotFound: There is no such site or release.
        """
        server = chain_of(self._store.release(site_name, number)).server
        found = callers_of_other_hosts(self._store, self._store.site(site_name), now)
        unnamed = unnamed_hosts(server, [each.host for each in found])
        return [each for each in found if each.host in unnamed]

    def of_new_root(self, site_name: str, now: datetime) -> Reception | None:
        """Count the devices that would refuse a chain under a root that none of them has; None if nothing is served.

        Raises:
            NotFound: There is no such site.
        """
        current = self._store.current_numbers(site_name).get(site_name)
        if current is None:
            return None
        found = self.reception(site_name, current, now)
        clues = [c for c in self._store.anchor_clues(site_name) if c.finished_release and not c.is_stranger]
        names = self._names(site_name, clues)
        return replace(
            found,
            release=0,
            hold=0,
            refuse=found.devices,
            stuck=sum(each.stuck for each in clues),
            is_refused_for_good=False,
            may_refuse=0,
            refusing=names,
            not_holding=names,
            unanswered=(),
        )

    def advice(self, site_name: str, now: datetime) -> RetirementAdvice | None:
        """Whether the former releases of a site can be retired; None if there is none that still has its key.

        Raises:
            NotFound: There is no such site.
        """
        releases = self._store.releases(site_name)
        former = [r.number for r in releases if r.state is ReleaseState.RETIRED and r.key_destroyed_at is None]
        return self.advice_on(site_name, former, now) if former else None

    def advice_on(self, site_name: str, numbers: Sequence[int], now: datetime) -> RetirementAdvice:
        """Whether these releases can be retired.

        Raises:
            NotFound: There is no such site.
        """
        current = self._store.current_numbers(site_name).get(site_name)
        reception = self.reception(site_name, current, now) if current else None
        return advise(numbers, reception, self._needed_by_rotation(site_name))

    def _needed_by_rotation(self, site_name: str) -> dict[int, str]:
        """The releases that :meth:`.Releases.retire` refuses, because a rotation is open."""
        found: dict[int, str] = {}
        for rotation in self._store.rotations(site_name, only_open=True):
            found |= dict.fromkeys(rotation.releases, STILL_NEED) | {rotation.from_release: GO_BACK_TO}
        return found

    def _names(self, site: str, clues: Sequence[AnchorClue]) -> tuple[NamedDevice, ...]:
        found: list[str] = []
        for clue in clues:
            if len(found) < _EXAMPLES:
                found += self._store.devices_of_clue(site, clue, _EXAMPLES - len(found))
        labels = self._store.device_labels(site, found) if found else {}
        return tuple(NamedDevice(each, labels.get(each, NO_LABEL)) for each in sorted(found))


def _count(clues: Iterable[AnchorClue]) -> int:
    return sum(each.devices for each in clues)
