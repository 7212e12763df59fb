"""What the pages ask of the services. :class:`engage_server.composition.operator_side.OperatorSide` has it all."""

from collections.abc import Mapping
from typing import Protocol

from engage_server.services.access.people import People
from engage_server.services.doors.door import Doors
from engage_server.services.installation.disk_overview import DiskOverview
from engage_server.services.installation.recent_sites import RecentSites
from engage_server.services.rotation.adoption_nights import AdoptionNights
from engage_server.services.site_path.paths import SitePaths
from engage_server.services.sites.device_import import DeviceImport
from engage_server.services.waiting.refused_uploads import RefusedUploads
from engage_server.services.waiting.standing import Waiting
from engage_server.web.api import services as api


class ConsoleAccess(api.ApiAccess, Protocol):
    """Who calls, and who else may."""

    @property
    def people(self) -> People:
        """People."""


class Services(api.Services, Protocol):
    """The services, each built when first used."""

    @property
    def access(self) -> ConsoleAccess:
        """People and tokens."""

    @property
    def recent_sites(self) -> RecentSites:
        """The figures of sites."""

    @property
    def adoption_nights(self) -> AdoptionNights:
        """How the doors of a site came through, night by night."""

    @property
    def device_ports(self) -> tuple[int, int]:
        """The ports of the plain and of the TLS instance."""

    @property
    def gate_seconds(self) -> float:
        """How often the operators' instance looks at open rotations."""

    @property
    def disk(self) -> DiskOverview:
        """How much of this host's disk devices use."""

    @property
    def paths(self) -> SitePaths:
        """What links say of the paths to sites."""

    def current_releases(self) -> Mapping[str, int]:
        """The number of the release that each site serves. A site that serves nothing yet is not in it."""

    @property
    def doors(self) -> Doors:
        """Collects what is known of one door."""

    @property
    def device_import(self) -> DeviceImport:
        """Imports lists of devices."""

    @property
    def refused_uploads(self) -> RefusedUploads:
        """Uploads that partners' systems refused."""

    @property
    def waiting(self) -> Waiting:
        """What waits on this host."""
