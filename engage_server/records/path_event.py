"""What a link reported about the path to a site."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

NIGHT_AFTER_CUT = timedelta(hours=26)  # a night and some hours, in which a door that calls once a night comes again


class PathSays(StrEnum):
    """What an event says about the path. Values are stored: never rename one."""

    WORKS = "works"
    DEGRADED = "degraded"
    CUT = "cut"
    RESTORED = "restored"  # trouble that is older is over; whether the path works is not said
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class PathEvent:
    """One thing that a link reported.

    Attributes:
        site: The site's name.
        link: The link's name in ``links.toml``.
        at: When this host received it; aware, UTC. Never a time that the partner states.
        kind: What happened, in the partner's own words, such as ``kpn_message``.
        says: What follows for the path.
        detail: What a reader may need, as text. Never a secret.
        key: Two events of one link with the same key are one. "" is never equal to another.
    """

    site: str
    link: str
    at: datetime
    kind: str
    says: PathSays
    detail: Mapping[str, str] = field(default_factory=dict)
    key: str = ""


LINK_REGISTERED, LINK_REMOVED = "link_registered", "link_removed"


@dataclass(frozen=True, slots=True)
class LinkStanding:
    """What all events of one link say together.

    Attributes:
        link: The link's name in ``links.toml``.
        site: The site that it leads to.
        partner: Whose link it is, such as ``kpn``; "" if it was never registered.
        expects_seconds: How often something should come over it; 0 if nobody said.
        works_since: When the present run of events began that say that the path works. None: there is none. Where
            trouble was restored and nothing said so since, it is when it was restored.
        works_at: When the newest event said so.
        works_by: That event's kind.
        trouble: Cut or degraded, if an event said so and none that is newer ended it; else nothing.
        trouble_since: When it was first said.
        trouble_at: When it was last said.
        trouble_by: The kind of the event that said it first. "" if that is not known any more.
        restored_at: When the newest event said that older trouble is over.
        cut_since: When the last cut began. One that begins within a night of the end of the one before continues it.
        cut_at: When a cut was last said.
        cut_until: When it ended. None: it lasts, or there was none.
        worked_since: When the run of events before the present one began. None: there was none that is known.
        worked_until: Until when that run was believed.
        registered_at: When it was last registered.
        removed_at: When it was last removed. A removed link says nothing, but what it cut still gets its night.
    """

    link: str
    site: str
    partner: str = ""
    expects_seconds: int = 0
    works_since: datetime | None = None
    works_at: datetime | None = None
    works_by: str = ""
    trouble: PathSays = PathSays.NOTHING
    trouble_since: datetime | None = None
    trouble_at: datetime | None = None
    trouble_by: str = ""
    restored_at: datetime | None = None
    cut_since: datetime | None = None
    cut_at: datetime | None = None
    cut_until: datetime | None = None
    worked_since: datetime | None = None
    worked_until: datetime | None = None
    registered_at: datetime | None = None
    removed_at: datetime | None = None

    @property
    def is_removed(self) -> bool:
        """Whether it was removed, and never registered since."""
        if self.removed_at is None:
            return False
        return self.registered_at is None or self.registered_at < self.removed_at

    @property
    def ended_at(self) -> datetime | None:
        """When the newest event came that ends older trouble. None: there was none."""
        ends = [each for each in (self.works_at, self.restored_at) if each is not None]
        return max(ends, default=None)


@dataclass(frozen=True, slots=True)
class PathCut:
    """A time in which nothing came through to a site, as its links said. Doors that fell silent in it may still come.

    Attributes:
        since: When it began; aware.
        until: When it ended. None: it lasts.
    """

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CutPath:
    """The path to a site that is or was cut, with its words.

    Attributes:
        cut: When nothing came through.
        why: Why, as a clause such as ``its SIM is suspended (link depot-sim)``. "" if it is over.
        mend: What to do about it. "" if it is over.
    """

    cut: PathCut
    why: str = ""
    mend: str = ""

    def explains(self, due_at: datetime) -> bool:
        """Whether it is why a device is silent now: it lasts, and the device had not missed its habit before.

        Args:
            due_at: When the device missed its habit.
        """
        return self.cut.until is None and due_at >= self.cut.since

    def explained_lately(self, due_at: datetime, now: datetime) -> bool:
        """Whether it was why a device is silent, and is over for less than a night: it may still come.

        Args:
            due_at: When the device missed its habit.
            now: The time, timezone-aware.
        """
        until = self.cut.until
        return until is not None and due_at >= self.cut.since and now <= until + NIGHT_AFTER_CUT


@dataclass(frozen=True, slots=True)
class StoredPathEvent:
    """An event in the store.

    Attributes:
        number: It grows with each event that was stored.
        event: What happened.
    """

    number: int
    event: PathEvent
