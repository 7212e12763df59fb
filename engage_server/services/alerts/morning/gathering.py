"""Reads what a morning mail is made of. Changes nothing."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from engage_server.records import BackupStep, Occasion, Site
from engage_server.records.site import night_begins, night_of, zone_of
from engage_server.services.alerts.morning.briefing import BackupBriefing, CameThrough, SiteBriefing
from engage_server.services.installation.last_safe_days import last_safe_days
from engage_server.services.installation.recent_sites import RecentSites
from engage_server.services.risk.known import SiteTonight
from engage_server.services.rotation.adoption_nights import AdoptionByNight
from engage_server.store.interface import BackupStore, EvidenceStore, SiteStore

ACTOR = "the servers themselves"


class GatheringStore(SiteStore, EvidenceStore, BackupStore, Protocol):
    """The part of the store that this needs."""


class Gathering:
    """Reads it.

    Args:
        store: Holds it.
        tonight: Judges who is at risk at a site: the same for this mail, ``engage tonight``, the API and the console.
        figures: Counts what is known of a site.
        backup_faults: Says what is wrong with backups, one sentence each.
    """

    def __init__(
        self,
        store: GatheringStore,
        tonight: Callable[[str, datetime], SiteTonight],
        figures: RecentSites,
        backup_faults: Callable[[datetime], Sequence[str]],
    ) -> None:
        self._backup_faults = backup_faults
        self._store = store
        self._tonight = tonight
        self._figures = figures

    def site(self, site: Site, now: datetime) -> SiteBriefing:
        """What is known of one site this morning.

        Raises:
            NotFound: It was removed meanwhile.
        """
        zone = zone_of(site)
        figures = self._figures.look_at(site.name, Occasion(ACTOR, now))
        since = night_begins(night_of(now, zone), zone)
        return SiteBriefing(
            tonight=self._tonight(site.name, now),
            title=site.title,
            called=self._store.devices_seen_since(site.name, since),
            came=_came(figures.adoption),
            rotation=figures.status.rotation,
            last_safe_days=last_safe_days(figures.status),
        )

    def backup(self, now: datetime) -> BackupBriefing | None:
        """What is known of backups. None: none was ever made, and none is wanted."""
        good = {run.step: run for run in self._store.last_good_backup_runs()}
        trouble = "; ".join(self._backup_faults(now))
        if not good and not trouble:
            return None
        return BackupBriefing(good.get(BackupStep.CREATED), good.get(BackupStep.DRILLED), trouble)


def _came(adoption: AdoptionByNight | None) -> CameThrough | None:
    if adoption is None:
        return None
    before = adoption.nights[-2].confirmed if len(adoption.nights) > 1 else 0
    tonight = max(0, adoption.confirmed - before)
    return CameThrough(adoption.release, adoption.devices, adoption.confirmed, tonight, adoption.is_judged)
