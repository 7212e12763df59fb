"""What all events of one link say together, and what is remembered of them."""

from dataclasses import dataclass, replace
from datetime import datetime

from engage_server.records.path_event import PathSays


@dataclass(frozen=True, slots=True)
class PathMark:
    """One word of a link, or several that said the same one after the other.

    Attributes:
        at: When it was first said.
        until: When it was last said. In between, it was said at least about each hour.
        kind: The kind of the event.
        says: What follows for the path.
        site: The site, where the link was registered. "" for all other words.
        of: A digest of the detail: what it was last said of.
    """

    at: datetime
    until: datetime
    kind: str
    says: PathSays
    site: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class LinkCut:
    """One cut of a link.

    Attributes:
        site: The site that the link led to.
        since: When it began; aware. Where the link was moved to this site during the cut, when it was moved.
        until: When it ended, or the link was moved away or removed. None: it lasts.
    """

    site: str
    since: datetime
    until: datetime | None = None


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
        trouble_since: When it was first said, or when the link was moved to its site.
        trouble_at: When it was last said.
        trouble_by: The kind of the event that says why.
        restored_at: When the newest event said that older trouble is over.
        registered_at: When it was last registered.
        removed_at: When it was last removed. A removed link says nothing, but what it cut still gets its night.
        former_site: The site that it led to before it was moved. "" if it was not.
        marks: What it said, in the order of time. All else follows from it. The oldest words are left out.
        cuts: Its cuts, in the order of time. The oldest ones are left out.
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
    registered_at: datetime | None = None
    removed_at: datetime | None = None
    former_site: str = ""
    marks: tuple[PathMark, ...] = ()
    cuts: tuple[LinkCut, ...] = ()

    @property
    def is_removed(self) -> bool:
        """Whether it was removed, and never registered since."""
        if self.removed_at is None:
            return False
        return self.registered_at is None or self.registered_at < self.removed_at

    def seen_from(self, site: str) -> "LinkStanding":
        """The standing as far as it concerns a site. A link that was moved away is as if it had been removed there."""
        cuts = tuple(each for each in self.cuts if each.site == site)
        if site == self.site:
            return replace(self, cuts=cuts)
        ends = [each.until for each in cuts if each.until is not None]
        moved_at = max((*ends, *(mark.at for mark in self.marks if mark.site == self.site)), default=self.registered_at)
        return LinkStanding(self.link, site, removed_at=moved_at, cuts=cuts)

    def with_site_renamed(self, name: str, new: str) -> "LinkStanding":
        """The same, after a site got another name."""

        def of(site: str) -> str:
            return new if site == name else site

        return replace(
            self,
            site=of(self.site),
            former_site=of(self.former_site),
            marks=tuple(replace(each, site=of(each.site)) for each in self.marks),
            cuts=tuple(replace(each, site=of(each.site)) for each in self.cuts),
        )
