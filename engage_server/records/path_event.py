"""What a link reported about the path to a site."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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
class StoredPathEvent:
    """An event in the store.

    Attributes:
        number: It grows with each event that was stored.
        event: What happened.
    """

    number: int
    event: PathEvent
