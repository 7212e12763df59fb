"""What links reported about the path to a site, and the tables that operators fill for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engage_server.records import (
    AuditEvent,
    Downlink,
    DownlinkChannel,
    DownlinkStatus,
    KpnDevice,
    LinkStanding,
    PathEvent,
    StoredPathEvent,
)


@dataclass(frozen=True, slots=True)
class SimPoll:
    """Whose turn it is to ask one account at an operator of SIMs.

    Attributes:
        account: Its name in ``links.toml``.
        version: It grows with each turn.
        is_held: Whether somebody has the turn now.
        memory: What was remembered at the end of the last turn. "" for nothing.
    """

    account: str
    version: int
    is_held: bool
    memory: str


@dataclass(frozen=True, slots=True)
class Folded:
    """What events came to.

    Attributes:
        standings: Each standing that changed, by its link.
        needless: The places, from 0, of events that only repeat what is known. They need not be kept.
    """

    standings: Mapping[str, LinkStanding]
    needless: frozenset[int] = frozenset()


PathFold = Callable[[Mapping[str, LinkStanding], Sequence[PathEvent]], Folded]


class PathStore(Protocol):
    """What links reported about the path to a site."""

    def record_path_events(self, segment: str, begin: int, end: int, events: Sequence[PathEvent], at: datetime) -> bool:
        """Add the events between two offsets of a spool file, and store the second offset, in one transaction.

        An event whose key its link has already is left out.

        Args:
            segment: The file's name, unique among all hosts.
            begin: The offset where reading began. 0 for a file that was never read.
            end: The offset where it ended.
            events: The events that were read.
            at: Now.

        Returns:
            False if this part of the file is recorded already. Then nothing was added.
        """

    def path_offsets(self, segments: Sequence[str]) -> Mapping[str, int]:
        """Return how far these spool files are recorded. Files that never were are left out."""

    def add_path_events(self, events: Sequence[PathEvent]) -> None:
        """Add events that come from no spool. An event whose key its link has already is left out."""

    def fold_path_events(self, fold: PathFold, limit: int) -> int:
        """Let the fold combine events with the standings, each event once, in the order in which they were stored.

        Args:
            fold: Gets the known standings by link, and the events.
            limit: How many events at most.

        Returns:
            How many events were folded. Fewer than the limit: there are no more.
        """

    def path_events(
        self, site: str | None, link: str | None, since: datetime | None, limit: int
    ) -> Sequence[StoredPathEvent]:
        """Return the newest events, newest first: of one site, one link, or all."""

    def link_standings(self, site: str | None = None) -> Sequence[LinkStanding]:
        """Return the standing of each link, by its name, also of those that were removed lately.

        Of one site: as its links are seen from there. A link that was moved away is among them, as a removed one.
        """

    def sim_polls(self) -> Sequence[SimPoll]:
        """Return each account that was ever asked with the help of this database, by its name."""

    def forget_path_events(self, before: datetime) -> int:
        """Remove the folded events from before this time. Return how many there were.

        Standings stay, but for those of links that were removed before this time.
        """


class KpnStore(Protocol):
    """Devices on KPN SIMs that report straight to us, and messages to them."""

    def add_kpn_device(self, device: KpnDevice, event: AuditEvent) -> None:
        """Add a device.

        Raises:
            Conflict: It is registered already.
        """

    def remove_kpn_device(self, imei: str, event: AuditEvent) -> None:
        """Remove a device and the messages to it.

        Raises:
            NotFound: There is no such device.
        """

    def kpn_devices(self) -> Sequence[KpnDevice]:
        """Return all devices, by IMEI."""

    def queue_downlink(
        self, imei: str, channel: DownlinkChannel, content: str, at: datetime, event: AuditEvent
    ) -> Downlink:
        """Add a message. It is executing at once if no other one to this device on this channel is; else queued.

        Raises:
            NotFound: There is no such device.
        """

    def downlinks(self, imei: str | None = None, status: DownlinkStatus | None = None) -> Sequence[Downlink]:
        """Return messages, oldest first: of one device or all, in one status or any."""

    def cancel_downlink(self, number: int, at: datetime, event: AuditEvent) -> Downlink:
        """Cancel a message that is queued or executing. The next one of the device is then executing.

        Raises:
            NotFound: There is no such message.
            Conflict: It is over already.
        """

    def end_downlink(self, number: int, status: DownlinkStatus, at: datetime) -> bool:
        """Move an executing message to delivered or failed. The next one of the device is then executing.

        Returns:
            False if it is not executing (any more). Then nothing was changed.
        """

    def execute_downlinks(self, at: datetime) -> int:
        """Let the oldest message execute of each device that has waiting ones and none that executes.

        An ingress that moved a message by itself cannot do that. Return how many.
        """


class IngressTables(Protocol):
    """What the ingress may do by a database role that may do nothing else."""

    def add_path_events(self, events: Sequence[PathEvent]) -> None:
        """Add events. One whose key its link has already is left out."""

    def kpn_device(self, imei: str) -> KpnDevice | None:
        """Return a device. None if there is none."""

    def executing_downlink(self, imei: str) -> Downlink | None:
        """Return the message that a device gets with its next answer. None if there is none."""

    def deliver_downlink(self, number: int, at: datetime) -> bool:
        """Move an executing message to delivered. True for exactly one caller."""

    def sim_poll(self, account: str) -> SimPoll:
        """Return whose turn it is. The first call for an account makes its row."""

    def take_sim_poll(self, account: str, version: int, seconds: float) -> bool:
        """Take the turn for so many seconds. True for exactly one caller of those who know this version.

        The next version is then the caller's. False too while somebody has the turn.
        """

    def hold_sim_poll(self, account: str, version: int, seconds: float) -> bool:
        """Keep the turn for so many seconds from now. False if somebody else has taken it."""

    def end_sim_poll(self, account: str, version: int, memory: str, events: Sequence[PathEvent]) -> bool:
        """Add events, store what is remembered, and give the turn back, in one transaction.

        Returns:
            False if somebody else has taken the turn. Then nothing was stored.
        """

    def close(self) -> None:
        """Close the connections. The next use opens others. Call it before a fork."""
