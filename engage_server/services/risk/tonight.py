"""Reads what is known and judges who is at risk tonight. Changes nothing.

The database preselects doors, so that a site with a million healthy doors costs little. What is served and what the
next step serves are judged once for each kind of door, and not for each door.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from engage_server.pki.encodings import read_der
from engage_server.records import NO_LABEL, DeviceHistory, Release, ReleaseState, Rotation, Site
from engage_server.records.site import zone_of
from engage_server.services.evidence.diagnosis import has_no_download
from engage_server.services.evidence.pace import measured_pace
from engage_server.services.releases.confirmation import Confirmations
from engage_server.services.releases.expiry import Expiry, Urgency, expiries_of, urgency_of
from engage_server.services.releases.held_anchors import HeldAnchors
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.releases.possible_anchors import JudgeFor, PossibleAnchors
from engage_server.services.risk.doors import doors_at_risk, is_served, silent_by_path
from engage_server.services.risk.known import DoorAtRisk, Prospect, SilentDoors, SiteKnown, SiteTonight, worst_first
from engage_server.services.risk.night import end_of_night
from engage_server.services.risk.sieve import everything, urgent
from engage_server.services.risk.sites import next_step_tonight, site_risks
from engage_server.services.site_path.cuts import cut_path
from engage_server.services.site_path.standing import NO_LINK, site_path
from engage_server.store.interface import (
    AnchorClue,
    EvidenceStore,
    MetReleases,
    PageStore,
    PathStore,
    ReleaseStore,
    RotationStore,
    SiteStore,
)

PACE_MATTERS = timedelta(days=400)  # before an end; no site has doors that call so seldom that it begins earlier
MOST_DOORS = 2000  # of one site; nobody walks to more in a night


class TonightStore(SiteStore, ReleaseStore, EvidenceStore, RotationStore, PathStore, PageStore, Protocol):
    """The part of the store that this needs."""


@dataclass(frozen=True, slots=True)
class _Anchors:
    """What the doors of a site would do by the anchors that they may hold."""

    next_release: int | None
    ends: tuple[Expiry, ...]
    prospects: dict[MetReleases, Prospect]


class Tonight:
    """Says who is at risk tonight.

    Args:
        store: Holds the evidence, the releases and the rotations.
        judge_for: Gives the judge of chains.
        held_anchors: Knows whether former releases can be retired.
        confirmations: Knows why evidence may be missing.
    """

    def __init__(
        self,
        store: TonightStore,
        judge_for: JudgeFor,
        held_anchors: HeldAnchors,
        confirmations: Confirmations,
    ) -> None:
        self._store = store
        self._judge_for = judge_for
        self._held_anchors = held_anchors
        self._confirmations = confirmations

    def names(self) -> list[str]:
        """The names of all sites."""
        return [site.name for site in self._store.sites()]

    def generation(self) -> int:
        """Grows with each change of what is served."""
        return self._confirmations.generation()

    def look(self, now: datetime, wanted: Callable[[str], bool] = lambda site: True) -> list[SiteTonight]:
        """Judge all sites that are wanted: the worst first, then by name.

        Args:
            now: The time, timezone-aware.
            wanted: Whether a site is looked at, by its name. A site costs some queries.
        """
        gaps = self._confirmations.gaps()
        found = [self._site(site, gaps, now) for site in self._store.sites() if wanted(site.name)]
        return worst_first(found)

    def look_at(self, site: str, now: datetime) -> SiteTonight:
        """Judge one site.

        Raises:
            NotFound: There is no such site.
        """
        return self._site(self._store.site(site), self._confirmations.gaps(), now)

    def _site(self, site: Site, gaps: Sequence[str], now: datetime) -> SiteTonight:
        until = end_of_night(now, zone_of(site))
        releases = self._store.releases(site.name)
        served = next((each for each in releases if each.state is ReleaseState.CURRENT), None)
        rotation = next(iter(self._store.rotations(site.name, only_open=True)), None)
        anchors = self._anchors(site, releases, served, rotation, (now, until))
        standings = self._store.link_standings(site.name)
        known = SiteKnown(
            site=site.name,
            now=now,
            until=until,
            hosts=(*(host.text for host in site.hosts), *site.local_addresses),
            served=served.number if served else 0,
            next_release=anchors.next_release,
            ends=anchors.ends,
            prospects=anchors.prospects,
            gaps=tuple(gaps),
            path=site_path(standings, now),
            cut=cut_path(standings, site.name, now),
            rotation=rotation,
            urgencies=self._urgencies(served, anchors.ends, now),
            title=site.title,
        )
        doors, silent, is_complete = self._doors(known)
        return SiteTonight(
            site=site.name,
            looked_at=now,
            until=until,
            risks=site_risks(known, silent, is_complete=is_complete),
            doors=doors,
            is_complete=is_complete,
            retirement=self._held_anchors.advice(site.name, now),
            path=known.path.state if known.path != NO_LINK else None,
        )

    def _anchors(
        self,
        site: Site,
        releases: Sequence[Release],
        served: Release | None,
        rotation: Rotation | None,
        night: tuple[datetime, datetime],
    ) -> _Anchors:
        if served is None:
            return _Anchors(None, (), {})
        now, until = night
        ends = tuple(expiries_of(chain_of(served), site.name))
        number = next_step_tonight(rotation, now, until)
        following = next((each for each in releases if each.number == number), None)
        possible = PossibleAnchors(site, releases, self._judge_for)
        at = _judged_at(ends, now, until)
        kinds = [met for met in self._store.met_releases(site.name) if met[1]]
        prospects = {met: _prospect(possible, _clue(met), served, following, at) for met in kinds}
        return _Anchors(following.number if following else None, ends, prospects)

    def _urgencies(self, served: Release | None, ends: Sequence[Expiry], now: datetime) -> dict[Expiry, Urgency]:
        """What has to be renewed within a month. The pace is measured only where that may be: it reads all doors."""
        near = [end for end in ends if end.not_after - now < PACE_MATTERS]
        if served is None or not near:
            return {}
        pace = measured_pace(self._store, served.site, served)
        return {end: urgency for end in near if (urgency := urgency_of(end, pace, now)) != "fine"}

    def _doors(self, known: SiteKnown) -> tuple[tuple[DoorAtRisk, ...], SilentDoors, bool]:
        """The doors at risk, how many are silent because of the path, and whether all were judged."""
        found, is_complete = self._to_judge(known)
        unseen = self._store.unseen_devices(known.site, MOST_DOORS + 1)
        others = self._store.answered_elsewhere(known.site, among=unseen) if unseen else {}
        shared = self._with_shared(known, found)
        doors = doors_at_risk(shared, found, {serial: others.get(serial, "") for serial in unseen[:MOST_DOORS]})
        is_complete = is_complete and len(unseen) <= MOST_DOORS
        return self._named(known.site, doors), silent_by_path(shared, found), is_complete

    def _to_judge(self, known: SiteKnown) -> tuple[list[DeviceHistory], bool]:
        """The doors that may be at risk, and whether these are all. Of too many, the urgent ones are kept."""
        every = list(self._store.doors_to_judge(known.site, everything(known), MOST_DOORS + 1))
        if len(every) <= MOST_DOORS:
            return every, True
        first = self._store.doors_to_judge(known.site, urgent(known), MOST_DOORS)
        found = {each.identity: each for each in (*first, *every)}
        return list(found.values())[:MOST_DOORS], False

    def _named(self, site: str, doors: Sequence[DoorAtRisk]) -> tuple[DoorAtRisk, ...]:
        """With what people call them. Of doors that are equally bad, those at one place come together."""
        labels = self._store.device_labels(site, [door.identity for door in doors]) if doors else {}
        named = (replace(door, label=labels.get(door.identity, NO_LABEL)) for door in doors)
        return tuple(sorted(named, key=lambda door: door.order))

    def _with_shared(self, known: SiteKnown, found: Sequence[DeviceHistory]) -> SiteKnown:
        """The store is asked whose address is shared only where that matters."""
        homes = {each.home for each in found if has_no_download(each)}
        shared = self._store.shared_addresses(known.site, homes) if homes else ()
        return replace(known, shared_addresses=frozenset(shared))


def _judged_at(ends: Sequence[Expiry], now: datetime, until: datetime) -> datetime:
    """The end of the night, or the last moment of what all doors need: its end is said once for the site."""
    last = min((each.not_after for each in ends if is_served(each)), default=until) - timedelta(seconds=1)
    return min(until, last)


def _clue(met: MetReleases) -> AnchorClue:
    fetched, finished, since = met
    return AnchorClue(fetched, finished, since, is_stranger=False, devices=0)


def _prospect(
    possible: PossibleAnchors, clue: AnchorClue, served: Release, following: Release | None, at: datetime
) -> Prospect:
    ends = [
        read_der(each, source=f"an anchor of {served.site}").not_valid_after_utc for each in possible.possible(clue)
    ]
    refuses = possible.refuses(clue, served, at, by=all)
    return Prospect(
        refuses_served=refuses,
        refuses_for_good=refuses and possible.refuses_with_its_own(served, at),
        refuses_next=following is not None and possible.refuses(clue, following, at, by=all),
        anchor_ends=max(ends, default=None),
    )
