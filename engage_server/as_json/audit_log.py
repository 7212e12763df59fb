"""The audit log: what operators did."""

from engage_server.as_json.formats import Instant, Shape
from engage_server.records import AuditAction, AuditEntry


class AuditEntryJson(Shape):
    """One entry of the audit log: who did what, when and why."""

    number: int
    """1, 2, 3 and so on, without a gap. It is the same for all sites."""
    at: Instant
    """When it was done."""
    actor: str
    """Who did it: a person, a token, root at a host, or the servers themselves."""
    action: AuditAction
    """What was done. More actions may be added."""
    site: str
    """The name of the site. Empty for what belongs to no site."""
    before: dict[str, str]
    """What changed, as it was before. Empty if nothing changed."""
    facts: dict[str, str]
    """What a reader must know later. Things that changed stand here as they are afterwards."""
    reason: str
    """Why, in the words of the one who did it. Empty if nobody asked."""
    previous: str
    """The hash of the entry before, in hexadecimal. Empty for the first entry."""
    hash: str
    """The HMAC-SHA256 over this entry and the hash before it, in hexadecimal. Its key is not in the database."""


def entry_json(entry: AuditEntry) -> AuditEntryJson:
    """An entry with its hashes."""
    event = entry.event
    return {
        "number": entry.number,
        "at": event.at.isoformat(),
        "actor": event.actor,
        "action": event.action,
        "site": event.site,
        "before": dict(event.before),
        "facts": dict(event.facts),
        "reason": event.reason,
        "previous": entry.previous,
        "hash": entry.hash,
    }
