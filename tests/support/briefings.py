"""Briefings of a morning, for tests of mails."""

from datetime import date, timedelta
from typing import Any

from engage_server.records import DeviceLabel, GatePolicy, Rotation, RotationState, RotationWay
from engage_server.services.alerts.morning.briefing import Briefing, SiteBriefing
from engage_server.services.alerts.morning.timetable import Morning
from engage_server.services.installation.last_safe_days import LastSafeDay
from engage_server.services.risk.kinds import NEVER_SEEN, NO_RETURN, REFUSED_TLS, Kind
from engage_server.services.risk.known import DoorAtRisk, Risk, SiteTonight
from engage_server.services.rotation.progress import RotationProgress
from tests.support.chains import NOW
from tests.support.world import serial_of

CONSOLE = "https://engage.example.org:8008"
FRIDAY, MONDAY = date(2026, 11, 27), date(2026, 11, 30)


def door(number: int, kind: Kind = REFUSED_TLS, name: str = "", place: str = "", site: str = "main") -> DoorAtRisk:
    """A door at risk."""
    why = f"it refused TLS {number} times"
    risk = Risk(kind, why, f"Check its clock. engage device show {serial_of(number)}")
    return DoorAtRisk(site, serial_of(number), None, (risk,), DeviceLabel(name, place))


def never_seen(number: int) -> DoorAtRisk:
    """A door that is only worth a look."""
    return door(number, NEVER_SEEN)


def no_return(number: int, place: str = "") -> DoorAtRisk:
    """One that is as bad as it gets, and comes second."""
    return door(number, NO_RETURN, "", place)


def site(*doors: DoorAtRisk, name: str = "main", **other: Any) -> SiteBriefing:
    """A site in the morning, with 41 days to its last safe day. Values of its judgement may be given, too."""
    of_tonight = {key: other.pop(key) for key in ("risks", "path", "is_complete") if key in other}
    tonight = SiteTonight(name, NOW, NOW + timedelta(hours=6), of_tonight.pop("risks", ()), doors, **of_tonight)
    days = (LastSafeDay("server", FRIDAY + timedelta(days=41), NOW + timedelta(days=60)),)
    return SiteBriefing(tonight, called=12, last_safe_days=days, **other)


def briefing(*sites: SiteBriefing, day: date = FRIDAY, is_late: bool = False, **other: Any) -> Briefing:
    """A briefing of a day."""
    return Briefing(Morning(day, NOW, is_late), NOW, sites or (site(),), CONSOLE, **other)


def rotation(state: RotationState = RotationState.HELD, why: str = "3 doors are lost", name: str = "main") -> Rotation:
    """A rotation that has served one of two releases."""
    way = RotationWay.LINKED_REKEY
    return Rotation(7, name, way, state, 1, (2, 3), 1, NOW, "folder", GatePolicy(), (), NOW, "anna", why=why)


def held(why: str = "3 doors are lost") -> RotationProgress:
    """A rotation that is paused."""
    return RotationProgress(rotation(why=why), None, None)
