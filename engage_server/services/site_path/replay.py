"""What the words of a link say together, told in the order of time. Pure.

1. Two kinds of words end trouble:
   a. One that says that the path works. After trouble, and after a time in which nothing said so, a new run begins.
   b. One that says that it is restored. It claims nothing else: what was last said to work still counts for as long.
2. Of trouble, the first word says since when. Of several kinds, the one that is hardest to fix says why. Degraded
   never replaces a cut.
3. Each cut is one of its own: a good word ends it. A word close after a cut may come from a clock that is ahead. So the
   next good word counts as the end, if no trouble comes before it.
4. A removal ends all trouble. What the link says until it is registered again counts for nothing.
5. Where a link is moved to another site, its cut ends at the old one, and begins at the new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from engage_server.records import LINK_REGISTERED, LINK_REMOVED, LinkCut, LinkStanding, PathMark, PathSays
from engage_server.services.site_path.clocks import APART
from engage_server.services.site_path.marks import LED_TO
from engage_server.services.site_path.standing import believed_until

MOST_CUTS = 60
# a SIM that is suspended and then retired: that it is retired says what to do, in whatever order it is heard
_HARDER_TO_FIX = ("sim_provisioned", "sim_suspended", "sim_not_found", "sim_retired")


def replayed(standing: LinkStanding, marks: Sequence[PathMark]) -> LinkStanding:
    """Return a standing that follows from these marks.

    Args:
        standing: The link: its name, its partner, and what is expected of it.
        marks: What it said, in the order of time.
    """
    told = _Told(next((mark.site for mark in marks if mark.kind in (LINK_REGISTERED, LED_TO)), standing.site), standing)
    for mark in marks:
        told.hear(mark)
    cuts = tuple(each for each in told.cuts if each.until is None or each.since < each.until)
    return replace(
        standing,
        site=told.site,
        former_site=told.former_site,
        works_since=told.works_since,
        works_at=told.works_at,
        works_by=told.works_by,
        trouble=told.trouble,
        trouble_since=told.trouble_since,
        trouble_at=told.trouble_at,
        trouble_by=told.trouble_by[0] if told.trouble_by else "",
        restored_at=told.restored_at,
        marks=tuple(marks),
        cuts=cuts[-MOST_CUTS:],
    )


@dataclass(slots=True)
class _Told:
    """What was said so far."""

    site: str
    link: LinkStanding
    former_site: str = ""
    is_removed: bool = False
    works_since: datetime | None = None
    works_at: datetime | None = None
    works_by: str = ""
    trouble: PathSays = PathSays.NOTHING
    trouble_since: datetime | None = None
    trouble_at: datetime | None = None
    trouble_by: tuple[str, datetime] | None = None
    restored_at: datetime | None = None
    cut_at: datetime | None = None
    may_end_later: bool = False
    cuts: list[LinkCut] = field(default_factory=list)

    def hear(self, mark: PathMark) -> None:
        if mark.kind == LINK_REMOVED:
            self._remove(mark.at)
        elif mark.kind in (LINK_REGISTERED, LED_TO):
            self._lead_to(mark)
        elif self.is_removed:
            return
        elif mark.says in (PathSays.CUT, PathSays.DEGRADED):
            self._trouble(mark)
        else:
            self._good(mark)

    def _remove(self, at: datetime) -> None:
        self._calm(at)
        self.is_removed, self.may_end_later = True, False
        self.works_since, self.works_at, self.works_by = None, None, ""
        self.restored_at = at

    def _lead_to(self, mark: PathMark) -> None:
        if mark.kind == LINK_REGISTERED:
            self.is_removed = False
        if mark.site == self.site:
            return
        self.former_site, self.site, self.may_end_later = self.site, mark.site, False
        if self.trouble is not PathSays.NOTHING:
            self.trouble_since = mark.at
        if self.trouble is PathSays.CUT:
            self._end_cut(mark.at)
            self.cuts.append(LinkCut(self.site, mark.at))

    def _trouble(self, mark: PathMark) -> None:
        self.may_end_later = False
        self.trouble_at = mark.until
        if mark.says is PathSays.CUT:
            self.cut_at = mark.until
        if self.trouble is PathSays.CUT and mark.says is PathSays.DEGRADED:
            return
        said = (mark.kind, mark.at)
        if self.trouble is mark.says and self.trouble_by is not None:
            self.trouble_by = max(self.trouble_by, said, key=_names_trouble)
            return
        self.trouble, self.trouble_since, self.trouble_by = mark.says, mark.at, said
        if mark.says is PathSays.CUT:
            self.cuts.append(LinkCut(self.site, mark.at))

    def _good(self, mark: PathMark) -> None:
        had_trouble = self.trouble is not PathSays.NOTHING
        if mark.says is PathSays.WORKS:
            is_believed = self.works_at is not None and mark.at <= believed_until(self.link, self.works_at)
            if had_trouble or not is_believed:
                self.works_since = mark.at
            self.works_at, self.works_by = mark.until, mark.kind
        else:
            self.restored_at = mark.until
            if had_trouble and self.works_at is not None:
                self.works_since = mark.at
        self._calm(mark.at)
        if self.may_end_later and self.cut_at is not None and mark.until > self.cut_at + APART:
            self._end_cut(max(mark.at, self.cut_at + APART) if mark.at != mark.until else mark.at)
            self.may_end_later = False

    def _calm(self, at: datetime) -> None:
        """Trouble is over."""
        if self.trouble is PathSays.CUT:
            self._end_cut(at)
            self.may_end_later = self.cut_at is not None and at <= self.cut_at + APART
        self.trouble, self.trouble_since, self.trouble_at, self.trouble_by = PathSays.NOTHING, None, None, None

    def _end_cut(self, at: datetime) -> None:
        self.cuts[-1] = replace(self.cuts[-1], until=at)


def _names_trouble(said: tuple[str, datetime]) -> tuple[int, float, str]:
    """Sorts what is said of one trouble: the kind that is hardest to fix, then the first one."""
    kind, at = said
    return _HARDER_TO_FIX.index(kind) if kind in _HARDER_TO_FIX else -1, -at.timestamp(), kind
