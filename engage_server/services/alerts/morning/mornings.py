"""Puts each morning mail into the outbox, once over all nodes."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Protocol

from engage_server.errors import NotFound
from engage_server.records import AlertKind, AlertMark, Recipient, Site
from engage_server.records.site import zone_of
from engage_server.services.alerts.addressing import entry_for, see_all_sites, sites_of, wants
from engage_server.services.alerts.morning.briefing import BackupBriefing, Briefing, SiteBriefing
from engage_server.services.alerts.morning.gathering import Gathering
from engage_server.services.alerts.morning.mail import morning_message
from engage_server.services.alerts.morning.timetable import Morning, morning_at
from engage_server.services.risk.known import worst_first
from engage_server.store.interface import OutboxStore, RecipientStore, SiteStore

TOPIC = "morning"
_BELIEVED = timedelta(days=2)


class MorningStore(RecipientStore, OutboxStore, SiteStore, Protocol):
    """The part of the store that this needs."""


@dataclass(frozen=True, slots=True)
class _Due:
    """A mail that is due: the morning of some sites in one time zone, for one recipient."""

    recipient: Recipient
    zone: str
    morning: Morning
    sites: tuple[Site, ...]
    mark: AlertMark
    has_backups: bool = True


class Mornings:
    """The morning mails.

    Args:
        store: Holds recipients, sites and the outbox.
        gathering: Reads what a mail says.
        address: The URL of the console, without a path.
    """

    def __init__(self, store: MorningStore, gathering: Gathering, address: str) -> None:
        self._store = store
        self._gathering = gathering
        self._address = address

    def run(self, now: datetime) -> int:
        """Put into the outbox what is due. A mail, and the word that its morning is done, are one transaction.

        Returns:
            How many mails this node has put there.
        """
        due = list(self._due(now))
        if not due:
            return 0
        read = _Reading(self._gathering, now)
        return sum(self._put(each, read) for each in due)

    def preview(self, sites: Sequence[Site], now: datetime) -> Briefing:
        """What would be said of some sites now.

        Args:
            sites: At least one. The day is that of the first one's time zone.
            now: The time.
        """
        morning = morning_at(now, zone_of(sites[0]))
        today = now.astimezone(zone_of(sites[0])).date()
        asked = Morning(today, morning.at if morning else now, is_late=False)
        return self._briefing(asked, sites, _Reading(self._gathering, now))

    def _due(self, now: datetime) -> Iterator[_Due]:
        recipients = [each for each in self._store.recipients() if wants(each, AlertKind.MORNING)]
        if not recipients:
            return
        sites, see_all = self._store.sites(), see_all_sites(recipients)
        marks = {(each.recipient, each.about): each for each in self._store.alert_marks() if each.topic == TOPIC}
        for recipient in recipients:
            wanted = sites_of(recipient, [each.name for each in sites])
            zones = dict.fromkeys(each.time_zone for each in sites if each.name in wanted)
            for zone in zones:
                there = tuple(each for each in sites if each.time_zone == zone and each.name in wanted)
                morning = morning_at(now, zone_of(there[0]))
                mark = marks.get((recipient.name, zone), AlertMark(TOPIC, zone, recipient.name))
                if morning is not None and morning.at >= recipient.added_at and not _is_done(mark, morning):
                    yield _Due(recipient, zone, morning, there, mark, has_backups=recipient in see_all)

    def _put(self, due: _Due, read: "_Reading") -> int:
        briefing = self._briefing(due.morning, due.sites, read)
        if not due.has_backups:
            briefing = replace(briefing, backup=None)
        message = morning_message(briefing) if briefing.sites else None
        period = f"{due.morning.day.isoformat()} {due.zone}"
        entries = [entry_for(due.recipient, message, "", period, read.now)] if message is not None else []
        done = replace(due.mark, value={"day": due.morning.day.isoformat()})
        return len(entries) if self._store.put_in_outbox(entries, [done]) else 0

    def _briefing(self, morning: Morning, sites: Sequence[Site], read: "_Reading") -> Briefing:
        found = {each.name: each for each in filter(None, map(read.site, sites))}
        order = [each.site for each in worst_first(each.tonight for each in found.values())]
        return Briefing(morning, read.now, tuple(found[name] for name in order), self._address, read.backup())


def _is_done(mark: AlertMark, morning: Morning) -> bool:
    """Whether this morning is done. So a clock that is a day behind says nothing twice.

    A mark that is further ahead was made by a clock that is wrong, and would keep all mails back until then.
    """
    if mark.value is None:
        return False
    day = date.fromisoformat(str(mark.value["day"]))
    return morning.day <= day <= morning.day + _BELIEVED


class _Reading:
    """Reads each site once, for all recipients."""

    def __init__(self, gathering: Gathering, now: datetime) -> None:
        self.now = now
        self._gathering = gathering
        self._sites: dict[str, SiteBriefing | None] = {}
        self._backup: list[BackupBriefing | None] = []

    def site(self, site: Site) -> SiteBriefing | None:
        """What is known of a site. None: it was removed meanwhile."""
        if site.name not in self._sites:
            self._sites[site.name] = None
            with suppress(NotFound):
                self._sites[site.name] = self._gathering.site(site, self.now)
        return self._sites[site.name]

    def backup(self) -> BackupBriefing | None:
        """What is known of backups."""
        if not self._backup:
            self._backup = [self._gathering.backup(self.now)]
        return self._backup[0]
