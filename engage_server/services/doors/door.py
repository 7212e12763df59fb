"""One door with all that is known of it: for its page, and for ``engage device show``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from engage_server.errors import BodyInvalid
from engage_server.records import Page
from engage_server.services.device_files.exchange import DeviceEvent, DeviceExchange, StoredFile
from engage_server.services.device_files.fault_journal import CallFault, FaultJournal
from engage_server.services.device_files.given_database import GivenDatabase
from engage_server.services.doors.held import HeldByDoor, HeldStore, held_by_door
from engage_server.services.doors.sighting_words import sighting_words
from engage_server.services.evidence.device_view import DeviceView
from engage_server.services.releases.possible_anchors import JudgeFor
from engage_server.services.risk.door_nights import DoorNight, home_of, nights_of_door
from engage_server.store.interface import EvidenceStore, PageStore


class DoorsStore(HeldStore, PageStore, EvidenceStore, Protocol):
    """The part of the store that this needs."""


@dataclass(frozen=True, slots=True)
class DoneByDoor:
    """One line of a door's timeline.

    Attributes:
        at: When it was, aware, UTC.
        sentence: What the door did: see :func:`.sighting_words.sighting_words`.
        counts: Whether it counts as evidence.
    """

    at: datetime
    sentence: str
    counts: bool


@dataclass(frozen=True, slots=True)
class DoorFiles:
    """The files of one door on this host, and what it reported. For those who may see files.

    Attributes:
        files: Its files.
        given: Its last call for a database. None: it never asked this host.
        events: The events of its audits and alerts, newest last.
        fault: Why its events cannot be read. "" if they can.
    """

    files: tuple[StoredFile, ...] = ()
    given: GivenDatabase | None = None
    events: tuple[DeviceEvent, ...] = ()
    fault: str = ""


class Doors:
    """Collects what is known of one door.

    Args:
        store: Holds the evidence and the releases.
        judge_for: Gives the judge of chains.
        devices: Holds the devices' files on this host.
        faults: Knows why call-ins were not answered on this host.
    """

    def __init__(self, store: DoorsStore, judge_for: JudgeFor, devices: DeviceExchange, faults: FaultJournal) -> None:
        self._store = store
        self._judge_for = judge_for
        self._devices = devices
        self._faults = faults

    def held(self, view: DeviceView, now: datetime) -> HeldByDoor:
        """Which anchors it may hold: see :func:`.held.held_by_door`."""
        return held_by_door(self._store, self._judge_for, view.site, view.history, now)

    def nights(self, view: DeviceView, now: datetime) -> tuple[DoorNight, ...]:
        """Its last nights. Empty for a device that sends no serial number: its single sightings are not kept."""
        if view.serial is None:
            return ()
        zone = self._store.site(view.site).time_zone
        home = home_of(self._store, view.history)
        return nights_of_door(self._store, view.serial, view.site, now, UTC if zone == "UTC" else ZoneInfo(zone), home)

    def shows_refusals(self, view: DeviceView) -> bool:
        """Whether its nights and its timeline have its refusals. At an address of several devices, nobody knows."""
        return view.history is None or not view.history.home or home_of(self._store, view.history) is not None

    def timeline(self, view: DeviceView, cursor: str | None, limit: int) -> Page[DoneByDoor]:
        """What it did lately at its site, newest first. Empty for a device that sends no serial number.

        Raises:
            UsageError: It is no cursor of this list (``cursor.invalid``).
        """
        if view.serial is None:
            return Page(())
        home = home_of(self._store, view.history)
        page = self._store.sighting_page(view.serial, view.site, cursor, limit, home=home)
        return Page(
            tuple(DoneByDoor(each.at, sighting_words(each), not each.disregarded) for each in page.items), page.next
        )

    def files(self, view: DeviceView) -> DoorFiles:
        """Its files on this host. Nothing for a device that sends no serial number."""
        if view.serial is None:
            return DoorFiles()
        events: Sequence[DeviceEvent] = ()
        fault = ""
        try:
            events = self._devices.events(view.site, view.serial)
        except BodyInvalid:
            fault = "a file with its uploads is damaged on this host: restore it from a backup, or move it away"
        return DoorFiles(
            self._devices.stored(view.site, view.serial),
            self._devices.given(view.site, view.serial),
            tuple(events),
            fault,
        )

    def faults(self, view: DeviceView, now: datetime) -> list[CallFault]:
        """Why its own call-ins were not answered in the last day, newest last."""
        return [each for each in self._faults.recent(view.site, now) if each.device == view.identity]
