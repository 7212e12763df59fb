"""The overview of all sites: what is served and until when, which devices came through, and whether action is due."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from engage_server.checks.rules.name_rules import unnamed_hosts
from engage_server.pki.chain import Chain
from engage_server.records import (
    DEVICE_LISTENERS,
    Grade,
    Host,
    HostSpool,
    Occasion,
    Release,
    ReleaseState,
    Rotation,
    Site,
    WorkerStatus,
)
from engage_server.services.evidence.callers import HostCallers, callers_of_other_hosts
from engage_server.services.evidence.pace import Pace
from engage_server.services.releases.confirmation import Confirmations, waiting
from engage_server.services.releases.expiry import Expiry, Urgency, expiries_of, urgency_of
from engage_server.services.releases.held_anchors import HeldAnchors
from engage_server.services.releases.lifecycle import chain_of
from engage_server.services.releases.reception import Reception
from engage_server.services.rotation.lifecycle import Rotations
from engage_server.services.rotation.progress import RotationProgress
from engage_server.services.site_path.standing import NO_LINK, PathState, SitePath, site_path
from engage_server.store.interface import EvidenceStore, PathStore, ReleaseStore, SiteStore

INSTANCES = {"http": "the plain instance", "https": "the TLS instance"}
"""What people call the two listeners that devices call."""


class OverviewStore(SiteStore, ReleaseStore, EvidenceStore, PathStore, Protocol):
    """The part of the store that the overview needs."""


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """The status of one certificate of a current release.

    Attributes:
        expiry: Its role and end.
        last_safe_start: The latest time to start its rotation.
        urgency: ``fine``, ``soon`` (within a month), ``late`` (that time has passed) or ``expired``.
    """

    expiry: Expiry
    last_safe_start: datetime
    urgency: Urgency


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """The status of one site.

    Attributes:
        site: The site.
        current: The release that it serves; None before its first activation.
        certificates: The certificates of the current release, one for each role.
        unanswered: Hosts that devices call, and that the current release's server certificate is not valid for.
        pace: How fast its devices connect.
        grades: How many devices reached each grade with the current release. Without one, all count as never seen.
        behind: Workers that do not serve the current release.
        rotation: The open rotation, if there is one.
        reception: How many devices accept the current release, by the anchors that they hold; None before the first.
        newest_staged: The newest release that waits for its activation; None for none.
        other_hosts: Hosts that the site does not have, with the doors that call them and have not come through with the
            current release.
        refused_hosts: Those of them that the served certificate is not valid for.
        approved_alone: The rotation that led to what is served, if it has ended and a step of it was approved alone.
        path: What links say of the path to it; None without a link. It proves nothing about a door.
    """

    site: Site
    current: Release | None
    certificates: tuple[CertificateStatus, ...]
    unanswered: tuple[Host, ...]
    pace: Pace
    grades: Mapping[Grade, int]
    behind: tuple[WorkerStatus, ...]
    rotation: RotationProgress | None
    reception: Reception | None = None
    newest_staged: int | None = None
    other_hosts: tuple[HostCallers, ...] = ()
    refused_hosts: tuple[Host, ...] = ()
    path: SitePath | None = None
    approved_alone: Rotation | None = None

    @property
    def refuse(self) -> int:
        """How many doors would refuse what is served, because they hold another anchor."""
        return self.reception.refuse if self.reception else 0

    @property
    def is_due(self) -> bool:
        """Whether its rotation is late, or devices call a host that its certificate is not valid for."""
        return bool(self.unanswered) or any(each.urgency in ("late", "expired") for each in self.certificates)

    @property
    def is_cut(self) -> bool:
        """Whether the path to it is cut, so that no door comes through."""
        return self.path is not None and self.path.state is PathState.CUT

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should act today: it is unserved, due or cut off, doors refuse it, or a worker is behind."""
        is_refused = self.refuse > 0 or bool(self.refused_hosts)
        return self.current is None or self.is_due or self.is_cut or bool(self.behind) or is_refused


@dataclass(frozen=True, slots=True)
class InstallationStatus:
    """The status of the whole installation.

    Attributes:
        sites: The sites, by name.
        workers: The live workers that serve devices.
        gaps: Why the evidence may be incomplete.
        silent_hosts: Hosts that stopped without signing off, and when each was last heard.
        silent_workers: Workers that served devices and stopped reporting, on hosts that are alive.
        old_copies: Hosts whose copy of shared files has lacked a change for longer than copying takes, and since when.
        left_spools: Hosts that signed off, and left sightings on their disks which are not in the store.
    """

    sites: Sequence[SiteStatus]
    workers: Sequence[WorkerStatus]
    gaps: Sequence[str]
    silent_hosts: Mapping[str, datetime | None]
    silent_workers: Sequence[WorkerStatus] = ()
    old_copies: Mapping[str, datetime] = field(default_factory=dict)
    left_spools: Mapping[str, HostSpool] = field(default_factory=dict)

    @property
    def missing_listeners(self) -> tuple[str, ...]:
        """The instances, of the two that devices call, that have no live worker on any host."""
        alive = {each.listener for each in self.workers}
        return tuple(each for each in DEVICE_LISTENERS if each not in alive)

    @property
    def clock_offsets(self) -> Mapping[str, float]:
        """The seconds by which the clock of each host is ahead of the database's, by the host's name."""
        return {each.host: each.clock_offset for each in self.workers if each.clock_offset is not None}

    def late_workers(self, since: datetime) -> tuple[WorkerStatus, ...]:
        """The workers that began to serve other releases since then, and did so later than the others."""
        return tuple(each for each in self.workers if each.is_late and each.switched_at and each.switched_at >= since)

    @property
    def serving_troubles(self) -> list[str]:
        """What is wrong with what serves devices, one sentence for each."""
        found = [
            f"no worker of {INSTANCES[listener]} is alive, so devices cannot come through"
            for listener in (self.missing_listeners if self.workers else ())
        ]
        found += [f"{each.worker} went silent without a sign-off" for each in self.silent_workers]
        found += [old_copy(host, since) for host, since in self.old_copies.items()]
        found += [f"the host {host} went silent without a sign-off" for host in self.silent_hosts]
        return found + [
            f"the host {each.host} signed off, and {waiting(each)} there" for each in self.left_spools.values()
        ]

    @property
    def needs_attention(self) -> bool:
        """Whether an operator should act today: a site needs it, or an instance, a host or a worker is missing."""
        is_served = bool(self.sites) and not self.missing_listeners
        of_hosts = self.silent_hosts or self.silent_workers or self.old_copies or self.left_spools
        return not is_served or bool(of_hosts) or any(site.needs_attention for site in self.sites)


def old_copy(host: str, since: datetime) -> str:
    """What is said of a host whose copy of shared files is old."""
    return f"{host}: its copy of shared files has lacked a change since {since:%Y-%m-%d %H:%M:%S} UTC"


class Overview:
    """Reads the status of everything. Changes nothing.

    Args:
        store: Holds the sites, releases and evidence.
        rotations: Knows the pace, and the open rotations.
        confirmations: Knows the workers.
        held_anchors: Knows the doors that would refuse what is served.
    """

    def __init__(
        self, store: OverviewStore, rotations: Rotations, confirmations: Confirmations, held_anchors: HeldAnchors
    ) -> None:
        self._store = store
        self._rotations = rotations
        self._confirmations = confirmations
        self._held_anchors = held_anchors

    def look(self, occasion: Occasion, wanted: Callable[[str], bool] = lambda site: True) -> InstallationStatus:
        """Read the status now.

        Args:
            occasion: When.
            wanted: Whether a site is looked at, by its name. A site costs some queries.
        """
        workers = self._confirmations.workers()
        sites = [self._site(site, workers, occasion) for site in self._store.sites() if wanted(site.name)]
        gone = self._confirmations.silent_hosts()
        silent = [each for each in self._confirmations.silent() if each.host not in gone]
        old = self._confirmations.old_copies()
        left = self._confirmations.left_spools()
        return InstallationStatus(sites, workers, self._confirmations.gaps(), gone, silent, old, left)

    def look_at(self, site: str, occasion: Occasion) -> SiteStatus:
        """Read the status of one site now.

        Raises:
            NotFound: There is no such site.
        """
        return self._site(self._store.site(site), self._confirmations.workers(), occasion)

    def _site(self, site: Site, workers: Sequence[WorkerStatus], occasion: Occasion) -> SiteStatus:
        releases = self._store.releases(site.name)
        current = next((each for each in releases if each.state is ReleaseState.CURRENT), None)
        pace = self._rotations.pace(site.name)
        newest = next(reversed(self._rotations.all(site.name)), None)
        rotation = newest if newest is not None and newest.state.is_open else None
        chain = chain_of(current) if current else None
        path = site_path(self._store.link_standings(site.name), occasion.now)
        others = callers_of_other_hosts(self._store, site, occasion.now, current.number if current else 0)
        return SiteStatus(
            site=site,
            current=current,
            certificates=_certificates(chain, site.name, pace, occasion.now) if chain else (),
            unanswered=unnamed_hosts(chain.server, site.hosts) if chain else (),
            pace=pace,
            grades=self._store.grades(site.name, current.number if current else 0),
            behind=tuple(each for each in workers if current and each.served.get(site.name) != current.number),
            rotation=self._rotations.progress(rotation, occasion) if rotation else None,
            reception=self._held_anchors.reception(site.name, current.number, occasion.now) if current else None,
            newest_staged=max((each.number for each in releases if each.state is ReleaseState.STAGED), default=None),
            other_hosts=tuple(others),
            refused_hosts=unnamed_hosts(chain.server, [each.host for each in others]) if chain else (),
            path=path if path != NO_LINK else None,
            approved_alone=newest if newest and _is_told(newest, current) else None,
        )


def _is_told(rotation: Rotation, current: Release | None) -> bool:
    """Whether a rotation has ended, serves what is current, and went on without the second person that it needed."""
    is_served = current is not None and rotation.step > 0 and rotation.served == current.number
    return is_served and not rotation.state.is_open and any(each.is_alone for each in rotation.approvals)


def _certificates(chain: Chain, site: str, pace: Pace, now: datetime) -> tuple[CertificateStatus, ...]:
    found = []
    for expiry in expiries_of(chain, site):
        found.append(CertificateStatus(expiry, expiry.last_safe_start(pace), urgency_of(expiry, pace, now)))
    return tuple(found)
