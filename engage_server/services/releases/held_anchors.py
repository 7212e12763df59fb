"""Works out which trust anchor devices hold, and which chains they accept with it. Used before a release goes live.

Two facts about a device are known: the release whose DER it fetched last, and the release whose chain it accepted
last. From them follows which anchors it may hold:

1. The anchor that it fetched, if the accepted chain is valid with that anchor.
2. Otherwise, or if it fetched nothing here: every anchor of the site with which the accepted chain is valid.
3. If it fetched a DER after it accepted the chain, that anchor as well. It may have accepted the new anchor or not.

A device certainly holds an anchor only if no other is possible. It certainly refuses a chain only if it would refuse
it with each possible anchor.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from cryptography import x509

from engage_server.checks.rules.name_rules import unnamed_hosts
from engage_server.pki.chain import Chain
from engage_server.pki.encodings import read_der
from engage_server.records import NO_LABEL, AnchorRole, NamedDevice, Release, ReleaseState, Site
from engage_server.services.evidence.callers import HostCallers, callers_of_other_hosts
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.releases.reception import Reception
from engage_server.services.releases.retirement import GO_BACK_TO, STILL_NEED, RetirementAdvice, advise
from engage_server.store.interface import AnchorClue, EvidenceStore, ReleaseStore, RotationStore, SiteStore

_EXAMPLES = 10


class ChainJudge(Protocol):
    """Judges a chain as a device would. See :class:`engage_server.lock.acceptance.judge.DeviceJudge`."""

    def refusal(self, sent: Sequence[x509.Certificate], anchor: x509.Certificate, host: str, now: datetime) -> str:
        """Why a device with this anchor refuses the chain; "" if it accepts it."""


class JudgeFor(Protocol):
    """Gives the judge for the anchor role that a site distributes."""

    def __call__(self, anchor: AnchorRole) -> ChainJudge:
        """The judge."""


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

    def reception(self, site_name: str, number: int, now: datetime) -> Reception:
        """Count the devices of a site that would accept or refuse this release if it were served now.

        Args:
            site_name: The site.
            number: One of its releases.
            now: The time, timezone-aware.

        Raises:
            NotFound: There is no such site or release.
        """
        asked = self._store.release(site_name, number)
        held = _Held(self._store.site(site_name), self._store.releases(site_name), self._judge_for)
        clues = self._store.anchor_clues(site_name)
        known = [each for each in clues if each.finished_release and not each.is_stranger]
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
        )

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


class _Held:
    """Works out the possible anchors from the clues and the releases of one site."""

    def __init__(self, site: Site, releases: Sequence[Release], judge_for: JudgeFor) -> None:
        self.site = site
        self._releases = {each.number: each for each in releases}
        self._judge = judge_for(site.anchor)
        self._chains: dict[int, Chain] = {}
        self._accepting: dict[int, frozenset[bytes]] = {}

    def only(self, clue: AnchorClue, asked: Release) -> bool:
        """Whether these devices certainly hold the anchor of a release."""
        return self._possible(clue) == {asked.anchor_der}

    def refuses(self, clue: AnchorClue, asked: Release, now: datetime, *, by: Callable[[Iterable[bool]], bool]) -> bool:
        """Whether these devices would refuse a release's chain with any, or with all, of their possible anchors."""
        return by(self._refuses(asked, anchor, now) for anchor in self._possible(clue))

    def _possible(self, clue: AnchorClue) -> frozenset[bytes]:
        accepted = self._releases.get(clue.finished_release)
        fetched = self._releases.get(clue.fetched_release)
        held = self._anchors_accepting(accepted) if accepted else frozenset[bytes]()
        if fetched is None:
            return held
        if clue.fetched_since:
            return held | {fetched.anchor_der}
        return frozenset({fetched.anchor_der}) if fetched.anchor_der in held else held

    def _anchors_accepting(self, release: Release) -> frozenset[bytes]:
        """The anchors of this and earlier releases with which this chain was valid when it went live."""
        if release.number not in self._accepting:
            at = release.activated_at or release.staged_at
            anchors = {each.anchor_der for each in self._releases.values() if each.number <= release.number}
            accepting = {anchor for anchor in anchors if not self._refuses(release, anchor, at)}
            self._accepting[release.number] = frozenset(accepting | {release.anchor_der})
        return self._accepting[release.number]

    def _refuses(self, release: Release, anchor: bytes, at: datetime) -> bool:
        chain = self._chains.setdefault(release.number, chain_of(release))
        hosts = [*self.site.hosts, *release.hosts]
        missing = unnamed_hosts(chain.server, hosts)
        host = next((each for each in hosts if each not in missing), self.site.hosts[0])
        source = f"an anchor of {release.site}"
        return bool(self._judge.refusal(chain.sent, read_der(anchor, source=source), host.text, at))


def _count(clues: Iterable[AnchorClue]) -> int:
    return sum(each.devices for each in clues)
