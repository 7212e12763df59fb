"""The entries of the audit log: what operators did, kept for good."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class AuditAction(StrEnum):
    """``thing:what-happened``. Values are stored: never rename one, and never reuse one."""

    INSTALLATION_CREATED = "installation:created"
    INSTALLATION_MIGRATED = "installation:migrated"
    INSTALLATION_KEY_MADE = "installation:key-made"
    SITE_ADDED = "site:added"
    SITE_CHANGED = "site:changed"
    SITE_RENAMED = "site:renamed"
    SITE_REMOVED = "site:removed"
    SITE_MADE_DEFAULT = "site:made-default"
    SITE_KEY_EXPORTED = "site:key-exported"
    RELEASE_KEY_EXPORTED = "installation:release-key-exported"
    KEY_ROTATION_BEGUN = "key:rotation-begun"
    KEY_ROTATION_ENDED = "key:rotation-ended"
    KEY_ROTATION_ABORTED = "key:rotation-aborted"
    DEVICE_ADDED = "device:added"
    DEVICE_NAMED = "device:named"
    DEVICE_FORGOTTEN = "device:forgotten"
    DEVICE_REMOVED = "device:removed"
    DEVICES_IMPORTED = "device:imported"
    UPLOADS_TRIED_AGAIN = "upload:tried-again"
    UPLOAD_DISCARDED = "upload:discarded"
    VENDOR_IMPORTED = "vendor:imported"
    RELEASE_STAGED = "release:staged"
    RELEASE_DROPPED = "release:dropped"
    RELEASE_ACTIVATED = "release:activated"
    RELEASE_ROLLED_BACK = "release:rolled-back"
    RELEASE_RETIRED = "release:retired"
    ROTATION_STARTED = "rotation:started"
    ROTATION_ADVANCED = "rotation:advanced"
    ROTATION_HELD = "rotation:held"
    ROTATION_APPROVED = "rotation:approved"
    ROTATION_APPROVED_ALONE = "rotation:approved-alone"
    ROTATION_ENDED = "rotation:ended"
    BACKUP_CREATED = "backup:created"
    BACKUP_RESTORED = "backup:restored"
    STORE_COPIED = "store:copied"
    HOST_FORGOTTEN = "host:forgotten"
    KPN_DEVICE_ADDED = "kpn-device:added"
    KPN_DEVICE_REMOVED = "kpn-device:removed"
    DOWNLINK_QUEUED = "downlink:queued"
    DOWNLINK_CANCELLED = "downlink:cancelled"
    SIM_STATE_ORDERED = "sim:state-ordered"
    SIM_RETIREMENT_ORDERED = "sim:retirement-ordered"
    SIM_CHANGE_ORDERED = "sim:change-ordered"
    SIM_BULK_RESUMED = "sim:bulk-resumed"
    SIM_BULK_DROPPED = "sim:bulk-dropped"
    SIM_MESSAGE_ORDERED = "sim:message-ordered"
    SIM_NETWORK_CHANGE_ORDERED = "sim-network:change-ordered"
    SIM_USER_ORDERED = "sim-user:ordered"
    SIM_ORDER_ENDED = "sim:order-ended"
    PERSON_ADDED = "person:added"
    PERSON_CHANGED = "person:changed"
    PERSON_RESET = "person:reset"
    PERSON_LOCKED = "person:locked"
    PERSON_REMOVED = "person:removed"
    PASSWORD_SET = "person:password-set"  # noqa: S105  # an action, not a password
    SIGNED_IN = "person:signed-in"
    TOKEN_ADDED = "token:added"  # noqa: S105
    TOKEN_REVOKED = "token:revoked"  # noqa: S105
    ALERT_RECIPIENT_ADDED = "alert:recipient-added"
    ALERT_RECIPIENT_REMOVED = "alert:recipient-removed"
    ALERT_RECIPIENT_TESTED = "alert:recipient-tested"
    ALERT_MAIL_SENT = "alert:mail-sent"
    AUDIT_CHAINED = "audit:chained"
    UNKNOWN = "unknown"  # never written; a changed entry may be read as this


CHANGES_OF_SITE = tuple(
    action for action in AuditAction if action.value.partition(":")[0] in ("site", "release", "rotation")
)
"""What changes a site, its releases or its rotations: the newest such entry is the version of the site."""


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request that its caller may send again, without its effect happening twice.

    Attributes:
        digest: SHA-256 of the caller, the method, the path and the key, in hexadecimal.
        body: SHA-256 of what was sent with it, in hexadecimal.
    """

    digest: str
    body: str


@dataclass(frozen=True, slots=True)
class ActTerms:
    """What must hold, and what is kept, in the transaction of one act.

    Attributes:
        action: The event that completes the act. Other events of the same occasion are written without terms.
        seen: The version of the site that the caller has seen: see :data:`CHANGES_OF_SITE`. None: any.
        request: The request that asked for the act. None: it has no key.
    """

    action: AuditAction
    seen: int | None = None
    request: KeyedRequest | None = None


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that an operator did.

    Attributes:
        at: Aware, UTC.
        actor: Who, as the operating system knows them. Or the servers themselves, if a rotation goes on by itself.
        action: What.
        site: The site's name, or "".
        facts: What a reader must know later, as text; never a secret. Things that changed, as they are now.
        before: The same facts as they were before.
        reason: Why, in the operator's words. "" if the operator was not asked.
        terms: What must hold in the transaction that writes the event. It is no part of the entry.
    """

    at: datetime
    actor: str
    action: AuditAction
    site: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    terms: ActTerms | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An event in the log.

    Attributes:
        number: 1, 2, 3 ... without a gap.
        event: What happened.
        previous: The hash of the previous entry; "" for the first.
        hash: HMAC-SHA256 over this whole entry and ``previous``, in hexadecimal. Its key is derived from the
            installation key: write access to the database alone is not enough to make one.
        earlier_hash: The hash that it had before the database got an installation key. "" for an entry since then.
            Notes of that time name it. It is part of what ``hash`` signs.
    """

    number: int
    event: AuditEvent
    previous: str
    hash: str
    earlier_hash: str = ""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Selects entries of the audit log.

    Attributes:
        site: Only those about this site. None for all, "" for those about no site.
        actor: Only those of this actor. None for all.
        actions: Only these actions. Empty for all.
        since: Only those at this time or later. Aware.
        until: Only those before this time. Aware.
        before: Only those with a lower number.
    """

    site: str | None = None
    actor: str | None = None
    actions: tuple[AuditAction, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The log's newest entry. A later check can find by it whether that entry is still there.

    Attributes:
        number: The entry's number; 0 for an empty log.
        hash: The entry's hash; "" for an empty log.
    """

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """The result of a check of the whole log.

    Attributes:
        entries: How many entries there are.
        head: The hash of the last one; "" for an empty log.
        faults: What is wrong, one sentence each. Empty if nothing is.
    """

    entries: int
    head: str
    faults: tuple[str, ...]
