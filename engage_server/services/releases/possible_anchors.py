"""The trust anchors that devices may hold, and the chains that they accept with them.

Two facts about a device are known: the release whose DER it fetched last, and the release whose chain it accepted
last. From them follows which anchors it may hold:

1. The anchor that it fetched, if the accepted chain is valid with that anchor.
2. Otherwise, or if it fetched nothing here: every anchor of the site with which the accepted chain is valid.
3. If it fetched a DER after it accepted the chain, that anchor as well. It may have accepted the new anchor or not.

A device certainly holds an anchor only if no other is possible. It certainly refuses a chain only if it would refuse
it with each possible anchor.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from cryptography import x509

from engage_server.checks.rules.name_rules import unnamed_hosts
from engage_server.pki.chain import Chain
from engage_server.pki.encodings import read_der
from engage_server.records import AnchorRole, Release, Site
from engage_server.services.releases.lifecycle import chain_of
from engage_server.store.interface import AnchorClue


class ChainJudge(Protocol):
    """Judges a chain as a device would. See :class:`engage_server.lock.acceptance.judge.DeviceJudge`."""

    def refusal(self, sent: Sequence[x509.Certificate], anchor: x509.Certificate, host: str, now: datetime) -> str:
        """Why a device with this anchor refuses the chain; "" if it accepts it."""


class JudgeFor(Protocol):
    """Gives the judge for the anchor role that a site distributes."""

    def __call__(self, anchor: AnchorRole) -> ChainJudge:
        """The judge."""


class PossibleAnchors:
    """Works out the possible anchors from the clues and the releases of one site.

    Args:
        site: The site.
        releases: All of its releases.
        judge_for: Gives the judge.
    """

    def __init__(self, site: Site, releases: Sequence[Release], judge_for: JudgeFor) -> None:
        self.site = site
        self._releases = {each.number: each for each in releases}
        self._judge = judge_for(site.anchor)
        self._chains: dict[int, Chain] = {}
        self._accepting: dict[int, frozenset[bytes]] = {}

    def only(self, clue: AnchorClue, asked: Release) -> bool:
        """Whether these devices certainly hold the anchor of a release."""
        return self.possible(clue) == {asked.anchor_der}

    def accept(self, clue: AnchorClue, asked: Release) -> bool:
        """Whether these devices certainly accepted a release's chain when it went live, or would have.

        With a link certificate, devices that hold the anchor of an earlier release do so, too.
        """
        possible = self.possible(clue)
        return bool(possible) and possible <= self._anchors_accepting(asked)

    def refuses(self, clue: AnchorClue, asked: Release, now: datetime, *, by: Callable[[Iterable[bool]], bool]) -> bool:
        """Whether these devices would refuse a release's chain with any, or with all, of their possible anchors."""
        return by(self._refuses(asked, anchor, now) for anchor in self.possible(clue))

    def refuses_with_its_own(self, asked: Release, now: datetime) -> bool:
        """Whether a device refuses a release's chain even with the anchor of that release."""
        return self._refuses(asked, asked.anchor_der, now)

    def possible(self, clue: AnchorClue) -> frozenset[bytes]:
        """The anchors that these devices may hold, as DER. Empty if nothing is known."""
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
