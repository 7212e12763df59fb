"""Watches for what cannot wait, and puts it into the outbox once over all nodes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from engage_server.records import AlertKind, AlertMark, HostSpool, Recipient, Site
from engage_server.records.site import night_begins, night_of, zone_of
from engage_server.services.alerts.addressing import entries_for, see_all_sites
from engage_server.services.alerts.at_once.conditions import (
    Condition,
    broken_log,
    failed_backups,
    held_rotations,
    signed_off_host,
    silent_host,
    silent_site,
)
from engage_server.services.alerts.at_once.episodes import Change, Key, changes
from engage_server.services.alerts.at_once.log_check import faults_in
from engage_server.services.alerts.morning.timetable import morning_at
from engage_server.services.site_path.standing import PathState, site_path
from engage_server.store.interface import (
    EvidenceStore,
    OutboxStore,
    PathStore,
    RecipientStore,
    RotationStore,
    SiteStore,
)

FEWEST = 3  # doors of a night before: fewer may be silent by chance
_NIGHT = timedelta(days=1)
_OF_ALL_SITES = (AlertKind.DRILL_FAILED, AlertKind.HOST_SILENT)  # who sees some sites only is not told of machines
_GRACE = timedelta(minutes=30)
_RESTARTS_WITHIN = timedelta(minutes=5)  # a host that is back by then was started again


class WatchStore(RecipientStore, OutboxStore, SiteStore, RotationStore, EvidenceStore, PathStore, Protocol):
    """The part of the store that this needs."""


class Gaps(Protocol):
    """Knows why evidence may be missing."""

    def gaps(self) -> Sequence[str]:
        """One sentence each."""

    def silent_hosts(self, beyond: timedelta) -> Mapping[str, datetime | None]:
        """Hosts that stopped for at least so long without a sign-off, and when each was last heard."""

    def left_spools(self, beyond: timedelta) -> Mapping[str, HostSpool]:
        """Hosts that signed off so long ago, and left sightings on their disks which are not in the store."""

    def spools(self) -> Mapping[str, HostSpool]:
        """What each host last said about what waits there."""


class Watch:
    """Watches what lasts: what begins is said, then daily, and its end.

    Args:
        store: Holds it.
        confirmations: Knows why evidence may be missing: then no site is silent.
        backup_faults: Says what is wrong with backups, one sentence each, and whether the last one failed.
        address: The URL of the console, without a path.
    """

    def __init__(
        self,
        store: WatchStore,
        confirmations: Gaps,
        backup_faults: Callable[[datetime], tuple[Sequence[str], bool]],
        address: str,
    ) -> None:
        self._backup_faults = backup_faults
        self._overdue_since: datetime | None = None
        self._store = store
        self._confirmations = confirmations
        self._address = address

    def run(self, recipients: Sequence[Recipient], now: datetime) -> int:
        """Look once.

        Args:
            recipients: All of them.
            now: The time.

        Returns:
            How many things this node has put into the outbox.
        """
        marks = self._store.alert_marks()
        conditions, judged = self._look(marks, now)
        found = changes(marks, conditions, judged, now, self._address)
        return sum(self._put(each, recipients, now) for each in found)

    def _put(self, change: Change, recipients: Sequence[Recipient], now: datetime) -> bool:
        hearing = see_all_sites(recipients) if change.message.kind in _OF_ALL_SITES else recipients
        entries = entries_for(hearing, change.message, change.site, change.period, now)
        return self._store.put_in_outbox(entries, [change.mark])

    def _look(self, marks: Sequence[AlertMark], now: datetime) -> tuple[list[Condition], list[Key]]:
        sites = self._store.sites()
        conditions = [
            *held_rotations(self._store.rotations(None, only_open=True)),
            *broken_log(faults_in(marks)),
        ]
        judged: list[Key] = [(AlertKind.ROTATION_HELD, each.name) for each in sites]
        judged.append((AlertKind.AUDIT_LOG_BROKEN, ""))
        for backups in self._backups(marks, now):
            judged.append((AlertKind.DRILL_FAILED, ""))
            conditions += backups
        for host in self._silent_hosts(marks):
            judged.append(host[0])
            conditions += host[1]
        lasting = {each.about: each for each in marks if each.topic == AlertKind.NOBODY_CALLED.value}
        has_gaps = bool(self._confirmations.gaps())
        for site in sites:
            if not has_gaps:
                for condition, key in self._silence(site, lasting.get(site.name), now):
                    judged.append(key)
                    conditions += [condition] if condition is not None else []
        return conditions, judged

    def _silent_hosts(self, marks: Sequence[AlertMark]) -> Iterator[tuple[Key, list[Condition]]]:
        """Each host that has taken evidence along, silent or signed off, or was said to."""
        silent, spools = self._confirmations.silent_hosts(_RESTARTS_WITHIN), self._confirmations.spools()
        said = {each.about for each in marks if each.topic == AlertKind.HOST_SILENT.value and each.value is not None}
        found = {host: silent_host(host, at, spools.get(host)) for host, at in silent.items()}
        for host, spool in self._confirmations.left_spools(_RESTARTS_WITHIN).items():
            found.setdefault(host, signed_off_host(spool))
        for host in sorted(found.keys() | said):
            yield (AlertKind.HOST_SILENT, host), [found[host]] if host in found else []

    def _backups(self, marks: Sequence[AlertMark], now: datetime) -> Iterator[list[Condition]]:
        """Whether backups are in trouble. Nothing, if that cannot be said now.

        One that is overdue right after a start, or after nightly backups were switched on, is made within minutes.
        """
        faults, has_failed = self._backup_faults(now)
        if not faults:
            self._overdue_since = None
            yield []
            return
        self._overdue_since = self._overdue_since or now
        is_said = any(each.topic == AlertKind.DRILL_FAILED.value and each.value is not None for each in marks)
        if has_failed or is_said or now - self._overdue_since >= _GRACE:
            yield failed_backups(faults)

    def _silence(self, site: Site, mark: AlertMark | None, now: datetime) -> Iterator[tuple[Condition | None, Key]]:
        """Whether nobody called at a site. Nothing, if that cannot be said now.

        1. It begins in the morning, if nobody called in the night that ends and some doors did in the one before.
        2. A cut path explains it. The morning mail says that.
        3. It ends when a door has called since that night began.
        """
        zone = zone_of(site)
        if mark is not None and mark.value is not None:
            began = datetime.fromisoformat(str(mark.value["began"]))
            begins = night_begins(night_of(began, zone), zone)
        else:
            begins = night_begins(night_of(now, zone), zone)
            morning = morning_at(now, zone)
            if morning is None or morning.at < begins:  # the night goes on, or a new one has begun
                return
        if self._store.devices_seen_since(site.name, begins):
            yield None, (AlertKind.NOBODY_CALLED, site.name)  # 3
            return
        before = self._store.devices_seen_since(site.name, begins - _NIGHT)
        is_cut = site_path(self._store.link_standings(site.name), now).state is PathState.CUT
        if before >= FEWEST and not is_cut:  # 2
            yield silent_site(site.name, before, begins), (AlertKind.NOBODY_CALLED, site.name)
