"""The audit log: what operators did."""

from typing import Any

from engage_server.records import AuditEntry


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    """An entry with its hashes."""
    event = entry.event
    return {
        "number": entry.number,
        "at": event.at.isoformat(),
        "actor": event.actor,
        "action": event.action.value,
        "site": event.site,
        "before": dict(event.before),
        "facts": dict(event.facts),
        "reason": event.reason,
        "previous": entry.previous,
        "hash": entry.hash,
    }
