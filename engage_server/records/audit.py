"""What operators did, kept for good."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class AuditAction(StrEnum):
    """``thing:what-happened``. Values are stored: never rename one, never use one again."""

    INSTALLATION_CREATED = "installation:created"
    SITE_ADDED = "site:added"
    SITE_MADE_DEFAULT = "site:made-default"
    SITE_KEY_EXPORTED = "site:key-exported"
    DEVICE_ADDED = "device:added"
    RELEASE_STAGED = "release:staged"
    RELEASE_ACTIVATED = "release:activated"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that an operator did.

    Attributes:
        at: Aware, UTC.
        actor: Who, as the operating system knows them.
        action: What.
        site: The site's name, or "".
        facts: What a reader needs to know later, as text; never a secret.
    """

    at: datetime
    actor: str
    action: AuditAction
    site: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
