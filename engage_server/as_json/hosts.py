"""The machines that serve devices."""

from typing import Any

from engage_server.services.releases.serving_hosts import ServingHost


def host_json(found: ServingHost) -> dict[str, Any]:
    """A host with its workers."""
    return {
        "host": found.name,
        "alive": found.is_alive,
        "heard_at": found.heard_at.isoformat() if found.heard_at else None,
        "workers": [
            {
                "worker": each.worker,
                "listener": each.listener,
                "process": each.pid,
                "alive": each in found.alive,
                "heard_at": each.seen_at.isoformat() if each.seen_at else None,
                "generation": each.generation,
                "served": dict(each.served),
                "trouble": dict(each.trouble),
            }
            for each in (*found.alive, *found.silent)
        ],
    }
