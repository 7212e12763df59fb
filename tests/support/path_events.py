"""Events of links, for tests."""

from datetime import datetime, timedelta

from engage_server.records import LINK_REGISTERED, PathEvent, PathSays
from tests.support.chains import NOW


def path_event(
    says: PathSays = PathSays.WORKS,
    minutes: float = 0,
    *,
    site: str = "main",
    link: str = "sim",
    kind: str = "",
    key: str = "",
    **detail: str,
) -> PathEvent:
    """An event so many minutes after the usual time. Its kind names what it says, unless another is given."""
    return PathEvent(site, link, at(minutes), kind or f"said_{says}", says, detail, key)


def registered(minutes: float = 0, *, site: str = "main", link: str = "sim", expects: int = 0) -> PathEvent:
    """A link of KPN is registered."""
    return path_event(
        PathSays.NOTHING,
        minutes,
        site=site,
        link=link,
        kind=LINK_REGISTERED,
        partner="kpn",
        expects_seconds=str(expects),
    )


def at(minutes: float) -> datetime:
    """So many minutes after the usual time."""
    return NOW + timedelta(minutes=minutes)
