"""Lists of doors for people: which doors a list shows, and a page of it that is not empty without a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engage_server.records import Page
from engage_server.services.evidence.device_view import DeviceView
from engage_server.services.evidence.devices import DeviceEvidence
from engage_server.services.risk.known import DoorAtRisk
from engage_server.store.interface import DeviceFilter

IN_A_PAGE = 100
_MOST_READS = 5  # of one page, each of which looks at about 2,000 rows


class Which(StrEnum):
    """Which doors a list shows. The values stand in addresses."""

    ALL = "all"
    AT_RISK = "at-risk"
    TROUBLED = "troubled"
    MISSING = "missing"
    UNSEEN = "never-seen"


@dataclass(frozen=True, slots=True)
class DoorList:
    """A page of a list of doors.

    Attributes:
        doors: The doors. Fewer than fit if the page looked at too many others.
        next: The cursor of the next page. None after the last one.
    """

    doors: Sequence[DeviceView]
    next: str | None


def listed_doors(
    evidence: DeviceEvidence,
    site: str,
    now: datetime,
    wanted: DeviceFilter,
    cursor: str | None,
    limit: int = IN_A_PAGE,
) -> DoorList:
    """A page of doors. A rare filter lets a page of the store be empty. So some are read, up to a limit.

    Args:
        evidence: Knows the doors.
        site: The site's name.
        now: The time, timezone-aware.
        wanted: Which: see :meth:`.DeviceEvidence.filter`.
        cursor: The page. None for the first.
        limit: How many doors it has at most.

    Raises:
        NotFound: There is no such site.
        UsageError: It is no cursor of this list (``cursor.invalid``).
    """
    found: list[DeviceView] = []
    for _ in range(_MOST_READS):
        page: Page[DeviceView] = evidence.page(site, now, wanted, cursor, limit - len(found))
        found += page.items
        cursor = page.next
        if cursor is None or len(found) >= limit:
            break
    return DoorList(tuple(found), cursor)


def doors_at_risk_after(
    doors: Sequence[DoorAtRisk], after: str | None, limit: int = IN_A_PAGE
) -> tuple[Sequence[DoorAtRisk], str | None]:
    """A page of the doors at risk, and the cursor of the next page.

    Args:
        doors: All of them, in their order.
        after: The last door of the page before. None for the first page. So is a door that is not at risk any more.
        limit: How many doors it has at most.
    """
    place = next((place for place, each in enumerate(doors, 1) if each.identity == after), 0)
    shown = doors[place : place + limit]
    return shown, shown[-1].identity if place + limit < len(doors) else None
