"""What the judging of risks is given, and what it answers. Frozen, so that the same facts give the same answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from engage_server.records import NO_LABEL, CutPath, DeviceHistory, DeviceLabel, Rotation, door_title
from engage_server.services.releases.expiry import Expiry, Urgency
from engage_server.services.releases.retirement import RetirementAdvice
from engage_server.services.risk.kinds import EVIDENCE_MISSING, PATH_CUT, PATH_WAS_CUT, RANKS, Kind, Severity
from engage_server.services.site_path.standing import NO_LINK, PathState, SitePath
from engage_server.store.interface import MetReleases


@dataclass(frozen=True, slots=True)
class Prospect:
    """What follows from the anchors that doors of one kind may hold. Only what holds for each of them is said.

    Attributes:
        refuses_served: Whether they would refuse what is served.
        refuses_next: Whether they would refuse the rotation's next step.
        anchor_ends: When the last of these anchors ends. None: nothing is known about their anchors.
        refuses_for_good: Whether they would refuse what is served with its own anchor, too: see
            :attr:`.Reception.is_refused_for_good`.
    """

    refuses_served: bool = False
    refuses_next: bool = False
    anchor_ends: datetime | None = None
    refuses_for_good: bool = False


@dataclass(frozen=True, slots=True)
class SiteKnown:
    """What is known of a site, for the judging of its doors.

    Attributes:
        site: The site's name.
        now: The time, timezone-aware.
        until: The end of the night.
        hosts: The hosts that its devices may call, as devices name them.
        served: The release that is served; 0 for none.
        next_release: The release that the rotation may serve before the night ends. None: no step may come.
        ends: The ends of the served certificates.
        prospects: What follows from the releases that doors met. Doors of other kinds are not judged by anchors.
        gaps: Why evidence may be missing, one sentence each.
        path: The path to the site.
        cut: When nothing came through to it last, with its words. None: never.
        shared_addresses: Addresses of several devices.
        rotation: The site's open rotation, if there is one.
        urgencies: Of the ends that are not ``fine``: how urgent a renewal is. See :func:`.expiry.urgency_of`.
        title: How people call the site: its name if it has no title.
    """

    site: str
    now: datetime
    until: datetime
    hosts: tuple[str, ...] = ()
    served: int = 0
    next_release: int | None = None
    ends: tuple[Expiry, ...] = ()
    prospects: Mapping[MetReleases, Prospect] = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    path: SitePath = NO_LINK
    cut: CutPath | None = None
    shared_addresses: frozenset[str] = frozenset()
    rotation: Rotation | None = None
    urgencies: Mapping[Expiry, Urgency] = field(default_factory=dict)
    title: str = ""


@dataclass(frozen=True, slots=True)
class SilentDoors:
    """How many doors of a site are silent for its path.

    Attributes:
        excused: Because it is or was cut. They are counted, and not listed: the gate waits for them, too.
        unsure: Perhaps because it is degraded. They are listed as well.
    """

    excused: int = 0
    unsure: int = 0


NO_DOORS = SilentDoors()


@dataclass(frozen=True, slots=True)
class Risk:
    """One risk of one door, or of one site.

    Attributes:
        kind: Its kind.
        why: What is wrong, in a plain sentence.
        mend: What to do, with the command that does it.
        case: The key of the diagnosis that it follows from, see :class:`.diagnosis.Diagnosis`. "" for none.
        silent: How many silent doors it explains, or may explain. None: it is no explanation.
    """

    kind: Kind
    why: str
    mend: str
    case: str = ""
    silent: int | None = None

    @property
    def order(self) -> tuple[int, str]:
        """Sorts risks: the worst first."""
        return RANKS[self.kind.code], self.why


@dataclass(frozen=True, slots=True)
class DoorAtRisk:
    """One door with all of its risks.

    Attributes:
        site: Its site.
        identity: Its serial number, or its address.
        history: What is known about it; None if it was never seen.
        risks: At least one, the worst first.
        label: What people call it.
        other_site: The site that answered it, if this one never saw it. "" for none.
    """

    site: str
    identity: str
    history: DeviceHistory | None
    risks: tuple[Risk, ...]
    label: DeviceLabel = NO_LABEL
    other_site: str = ""

    @property
    def title(self) -> str:
        """How sentences for people name it: see :func:`engage_server.records.door_title`."""
        return door_title(self.identity, self.label)

    @property
    def severity(self) -> Severity:
        """That of its worst risk."""
        return self.risks[0].kind.severity

    @property
    def told(self) -> tuple[tuple[Risk, str], ...]:
        """Each risk with what to do about it. "" if that was said with a worse risk already."""
        said = [risk.mend for risk in self.risks]
        return tuple((risk, "" if risk.mend in said[:place] else risk.mend) for place, risk in enumerate(self.risks))

    @property
    def order(self) -> tuple[int, str, str]:
        """Sorts the doors of a site: the worst first, then by place and serial number."""
        return RANKS[self.risks[0].kind.code], self.label.place, self.identity


@dataclass(frozen=True, slots=True)
class SiteTonight:
    """What is at risk at one site tonight.

    Attributes:
        site: Its name.
        looked_at: When it was judged.
        until: The end of the night, as UTC.
        risks: What concerns the whole site, the worst first.
        doors: The doors at risk, the worst first.
        is_complete: Whether all doors were judged. Otherwise there were too many, and more may be at risk.
        retirement: Whether its former releases can be retired; None if there is none.
        path: Whether its path carries anything; None if it has no link.
    """

    site: str
    looked_at: datetime
    until: datetime
    risks: tuple[Risk, ...]
    doors: tuple[DoorAtRisk, ...]
    is_complete: bool = True
    retirement: RetirementAdvice | None = None
    path: PathState | None = None

    @property
    def counts(self) -> dict[Severity, int]:
        """How many doors are at risk, by the severity of the worst risk of each. All severities are there."""
        counts = dict.fromkeys(sorted(Severity, reverse=True), 0)
        for door in self.doors:
            counts[door.severity] += 1
        return counts

    @property
    def explained(self) -> int:
        """How many silent doors a path explains that is or was cut. They are not listed, and count in no severity."""
        return sum(risk.silent or 0 for risk in self.risks if risk.kind in (PATH_CUT, PATH_WAS_CUT))

    @property
    def is_cut(self) -> bool:
        """Whether the path to the site is cut. Then nobody says that no door is at risk."""
        return self.path is PathState.CUT

    @property
    def lacks_evidence(self) -> bool:
        """Whether what doors did at some host is not stored yet. Then more doors may have called than are counted."""
        return any(risk.kind is EVIDENCE_MISSING for risk in self.risks)

    @property
    def worst(self) -> Severity | None:
        """The severity of its worst risk; None if there is none."""
        found = [each.kind.severity for each in self.risks] + [door.severity for door in self.doors]
        return max(found, default=None)

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should act before the night: something of it is more than worth a look."""
        return self.worst is not None and self.worst > Severity.LOW


def worst_first(sites: Iterable[SiteTonight]) -> list[SiteTonight]:
    """Sites in the order in which people should look at them: the worst first, then by name."""
    return sorted(sites, key=lambda each: (-(each.worst or 0), each.site))
