"""What a morning mail is made of, and whether there is anything to say. Pure."""

from dataclasses import dataclass
from datetime import datetime

from engage_server.records import BackupRun, RotationState
from engage_server.services.alerts.morning.timetable import Morning
from engage_server.services.installation.last_safe_days import LastSafeDay
from engage_server.services.risk.kinds import ROTATION_WAITS
from engage_server.services.risk.known import SiteTonight
from engage_server.services.rotation.progress import RotationProgress


@dataclass(frozen=True, slots=True)
class CameThrough:
    """How far the doors of a site are with the release that it serves.

    Attributes:
        release: Its number.
        doors: How many doors count.
        confirmed: How many of them have come through by now.
        tonight: How many of those came in the night that ends.
        is_judged: Whether the gate of a rotation waits for the others.
    """

    release: int
    doors: int
    confirmed: int
    tonight: int
    is_judged: bool


@dataclass(frozen=True, slots=True)
class SiteBriefing:
    """One site in the morning.

    Attributes:
        tonight: Who is at risk there: the same judgement that ``engage tonight`` prints.
        title: What people call it. "" for none.
        called: How many doors called since the last noon.
        came: How far its doors are with what it serves. None: it serves nothing.
        rotation: Its open rotation. None: there is none.
        last_safe_days: The next one first.
    """

    tonight: SiteTonight
    title: str = ""
    called: int = 0
    came: CameThrough | None = None
    rotation: RotationProgress | None = None
    last_safe_days: tuple[LastSafeDay, ...] = ()

    @property
    def name(self) -> str:
        """Its name, as commands take it."""
        return self.tonight.site

    @property
    def is_held(self) -> bool:
        """Whether its rotation is paused until a person decides."""
        return self.rotation is not None and self.rotation.rotation.state is RotationState.HELD

    @property
    def waits_for_approval(self) -> bool:
        """Whether the next step of its rotation needs somebody's approval, and has not got it."""
        progress = self.rotation
        if progress is None or self.is_held:
            return False
        asks = progress.rotation.policy.asks and bool(progress.rotation.step) and not progress.rotation.approved
        return asks or (progress.second is not None and not progress.second.count.is_enough)

    @property
    def is_urgent(self) -> bool:
        """Whether its people should read of it today."""
        return self.tonight.needs_attention or self.rotation is not None

    @property
    def has_anything(self) -> bool:
        """Whether there is anything to say of it at all, such as a door that was never seen."""
        return self.is_urgent or bool(self.tonight.doors) or bool(self.tonight.risks)

    @property
    def risks(self) -> list[tuple[str, str]]:
        """Cause and remedy of what concerns the whole site. A held rotation stands among the decisions."""
        return [(risk.why, risk.mend) for risk in self.tonight.risks if risk.kind is not ROTATION_WAITS]


@dataclass(frozen=True, slots=True)
class BackupBriefing:
    """What is known of backups.

    Attributes:
        created: The last good backup. None: there was none.
        drilled: The last good drill. None: there was none.
        trouble: What is wrong with them. "" if nothing is.
    """

    created: BackupRun | None = None
    drilled: BackupRun | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Briefing:
    """A morning mail before it is written.

    Attributes:
        morning: The day, and whether it is late.
        now: When it was made.
        sites: The worst first. At least one.
        address: The URL of the console, without a path.
        backup: What is known of backups. None: nothing.
    """

    morning: Morning
    now: datetime
    sites: tuple[SiteBriefing, ...]
    address: str
    backup: BackupBriefing | None = None

    @property
    def doors(self) -> int:
        """How many doors are at risk."""
        return sum(len(each.tonight.doors) for each in self.sites)

    @property
    def is_said(self) -> bool:
        """Whether there is anything to say today. What is only worth a look waits for Monday."""
        has_trouble = self.backup is not None and bool(self.backup.trouble)
        if has_trouble or any(each.is_urgent for each in self.sites):
            return True
        return self.morning.is_weekly and any(each.has_anything for each in self.sites)
