"""What the routes ask of the services. :class:`engage_server.composition.operator_side.OperatorSide` has it all."""

from datetime import datetime
from typing import Protocol

from engage_server.services.access.requests import Requests
from engage_server.services.access.sign_ins import SignIns
from engage_server.services.access.tokens import Tokens
from engage_server.services.alerts.standing import AlertStanding
from engage_server.services.backup.nights.standing import BackupStanding
from engage_server.services.call_in.delivering.upload_spool import UpstreamSpool
from engage_server.services.device_files.exchange import DeviceExchange
from engage_server.services.device_files.fault_journal import FaultJournal
from engage_server.services.device_files.for_devices import FilesForDevices
from engage_server.services.device_files.upload_feed import UploadFeed
from engage_server.services.evidence.devices import DeviceEvidence
from engage_server.services.installation.audit_log import AuditLog
from engage_server.services.installation.overview import Overview
from engage_server.services.releases.confirmation import Confirmations
from engage_server.services.releases.held_anchors import HeldAnchors
from engage_server.services.releases.lifecycle import Releases
from engage_server.services.risk.recent import RecentTonight
from engage_server.services.rotation.lifecycle import Rotations
from engage_server.services.rotation.site_rotations import SiteRotations
from engage_server.services.sites.device_file_change import DeviceFileChange
from engage_server.services.sites.naming import Naming
from engage_server.services.sites.register import Sites
from engage_server.services.sites.removal import Removal


class ApiAccess(Protocol):
    """Who calls, and what they called for before."""

    @property
    def tokens(self) -> Tokens:
        """Tokens of other systems."""

    @property
    def sign_ins(self) -> SignIns:
        """Sessions of people."""

    @property
    def requests(self) -> Requests:
        """Requests that were carried out, and versions of sites."""


class Services(Protocol):
    """The services, each built when first used."""

    @property
    def access(self) -> ApiAccess:
        """People and tokens."""

    @property
    def sites(self) -> Sites:
        """Sites and their devices."""

    @property
    def naming(self) -> Naming:
        """What people call devices."""

    @property
    def releases(self) -> Releases:
        """The life cycle of releases."""

    @property
    def rotations(self) -> Rotations:
        """Rotations."""

    @property
    def site_rotations(self) -> SiteRotations:
        """Plans and starts rotations."""

    @property
    def held_anchors(self) -> HeldAnchors:
        """Which anchors devices hold."""

    @property
    def confirmations(self) -> Confirmations:
        """Which workers serve what."""

    @property
    def evidence(self) -> DeviceEvidence:
        """What is known about devices."""

    @property
    def audit(self) -> AuditLog:
        """The operators' log."""

    def alert_standing(self) -> AlertStanding:
        """How alerts stand."""

    def balancers_address(self, now: datetime) -> str:
        """The address of a balancer that seems to hide those of all doors. "" for none."""

    def backup_standing(self, now: datetime) -> BackupStanding:
        """How old the newest good backup and drill are."""

    @property
    def overview(self) -> Overview:
        """All sites at a glance."""

    @property
    def recent_tonight(self) -> RecentTonight:
        """Who is at risk tonight."""

    @property
    def uploads(self) -> UpstreamSpool:
        """Uploads at this host that wait for partners' systems."""

    @property
    def devices(self) -> DeviceExchange:
        """Devices' files on this host."""

    @property
    def files_for_devices(self) -> FilesForDevices:
        """The files that operators give to devices."""

    @property
    def device_file_change(self) -> DeviceFileChange:
        """Changes those files."""

    @property
    def upload_feed(self) -> UploadFeed:
        """What devices uploaded, in the order in which it came."""

    @property
    def removal(self) -> Removal:
        """Removes devices."""

    @property
    def call_faults(self) -> FaultJournal:
        """Why call-ins were not answered on this host."""
