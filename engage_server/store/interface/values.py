"""The arguments and results of a store's methods that are not records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from engage_server.records import DeviceHistory, Host, Sighting


@dataclass(frozen=True, slots=True)
class ReleaseDraft:
    """A release before it has a number. The attributes are those of :class:`Release`."""

    site: str
    anchor_der: bytes = field(repr=False)
    anchor_hash: str
    chain: tuple[bytes, ...] = field(repr=False)
    root_der: bytes = field(repr=False)
    public_key: bytes = field(repr=False)
    staged_at: datetime
    hosts: tuple[Host, ...] = ()


@dataclass(frozen=True, slots=True)
class AnchorClue:
    """The evidence for the trust anchor that some devices of a site hold.

    Attributes:
        fetched_release: The release whose DER they downloaded last. 0 for none.
        finished_release: The release whose chain they accepted last. 0 for none.
        fetched_since: Whether they downloaded it after that. Then it is not proven which of the two they hold.
        is_stranger: Whether operators gave a list of the site's devices, and these are not on it.
        devices: The number of devices.
        stuck: How many of them refused TLS again and again since they last came through, and downloaded nothing.
    """

    fetched_release: int
    finished_release: int
    fetched_since: bool
    is_stranger: bool
    devices: int
    stuck: int = 0


@dataclass(frozen=True, slots=True)
class SpoolPart:
    """A part of a spool file that is recorded as a whole, or not at all.

    Attributes:
        segment: The file's name, unique among all hosts.
        begin: The offset where reading began. 0 for a file that was never read.
        end: The offset where it ended.
        sightings: The sightings that were read.
    """

    segment: str
    begin: int
    end: int
    sightings: Sequence[Sighting]


Place = tuple[str, str]  # a site's name, and an identity or an address in it


class Fold(Protocol):
    """Combines what was known about some devices with new sightings into what is known from now on. Pure."""

    def __call__(
        self,
        known: Mapping[Place, DeviceHistory],
        serials_at: Mapping[Place, Sequence[str]],
        found: Sequence[Sighting],
        now: datetime,
    ) -> Sequence[DeviceHistory]:
        """Return the changed histories.

        Args:
            known: The histories of all identities and addresses of the batch that have one.
            serials_at: The serial numbers that recently called from each address of the batch: none, the only one, or
                some of several.
            found: The batch, in the order in which it happened on one host.
            now: The time by the clock of the caller.

        Returns:
            The histories that changed or are new.
        """


@dataclass(frozen=True, slots=True)
class ListChange:
    """What a list of devices has changed.

    Attributes:
        added: How many of its devices were on no list before.
        named: How many got another name or place than they had.
    """

    added: int
    named: int = 0


@dataclass(frozen=True, slots=True)
class TroubleFilter:
    """A filter for devices that seem to be in trouble. It passes all that are, and may pass others.

    Attributes:
        at: The time of the question. Aware.
        report_codes: The event codes of an audit that report trouble.
    """

    at: datetime
    report_codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Selects devices of a site.

    Attributes:
        release: The release for which their grade is returned. None for no grade.
        missing: Only those that have not finished a handshake with it.
        unseen: Only those on the list that the site never saw.
        host: Only those that called this host last, as sites spell it. "" for all.
        trouble: Only those that may be in trouble. None for all.
        search: Only those whose name or place has a word that begins so, or whose serial number or address does. Only
            pages know it. "" for all.
        after: Only those after this device in the order of the answer: the last device of the previous page.
        limit: The largest number of devices. None for all.
    """

    release: int | None = None
    missing: bool = False
    unseen: bool = False
    host: str = ""
    trouble: TroubleFilter | None = None
    search: str = ""
    after: DeviceHistory | None = None
    limit: int | None = None


MetReleases = tuple[int, int, bool]  # fetched last, accepted last, and whether it was fetched since


@dataclass(frozen=True, slots=True)
class RiskFilter:
    """Selects the devices of a site that may be at risk. It passes all that are, and may pass others.

    Attributes:
        trouble: Passes those that seem to be in trouble.
        met: Passes those that met these releases.
        hosts: The hosts of the site. Passes those that called another host last.
        served: Not those that accepted this release last, whatever host they called. 0 for none.
        due_after: Passes those whose habit lets them stay away until after this time. None for none.
        staying: The same, each time only for those that met these releases.
        urgent_only: Passes only those that do not come through, and those that ``met`` passes.
    """

    trouble: TroubleFilter
    met: tuple[MetReleases, ...] = ()
    hosts: tuple[str, ...] = ()
    served: int = 0
    due_after: datetime | None = None
    staying: tuple[tuple[MetReleases, datetime], ...] = ()
    urgent_only: bool = False
