"""The machines that serve devices."""

from engage_server.as_json.formats import Instant, Shape
from engage_server.services.releases.serving_hosts import ServingHost


class WorkerJson(Shape):
    """One worker process, as it last reported."""

    worker: str
    """Its name: listener, process number and host."""
    listener: str
    """``http``, ``https`` or ``operators``."""
    process: int
    """Its process number on its host."""
    alive: bool
    """Whether it reports. Otherwise it stopped without signing off."""
    heard_at: Instant | None
    """When it last reported, by the database's clock. Null: not known."""
    generation: int
    """The state of the database that it has read. It grows with each change."""
    served: dict[str, int]
    """The number of the release that it serves, by site."""
    trouble: dict[str, str]
    """Why it serves an older release, by site. Under an empty name: why sightings may be missing."""
    switched_at: Instant | None
    """When it began to serve other releases for the last time, by the database's clock. Null: not known."""
    late_seconds: float | None
    """By how many seconds it missed the moment that all workers agreed on. Null: no moment was agreed on."""
    clock_offset_seconds: float | None
    """The seconds by which its host's clock is ahead of the database's. Null: not measured."""


class HostJson(Shape):
    """One machine that serves devices."""

    host: str
    """Its host name."""
    alive: bool
    """Whether any of its worker processes reports."""
    heard_at: Instant | None
    """When any of them last reported, by the database's clock. Null: not known."""
    waiting_bytes: int
    """How much of its sightings waited on its disk alone when it last said so."""
    workers: list[WorkerJson]
    """Its worker processes, those that report first. Empty: it signed off, and sightings wait on its disk."""


def host_json(found: ServingHost) -> HostJson:
    """A host with its workers."""
    return {
        "host": found.name,
        "alive": found.is_alive,
        "heard_at": found.heard_at.isoformat() if found.heard_at else None,
        "waiting_bytes": found.waiting_bytes,
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
                "switched_at": each.switched_at.isoformat() if each.switched_at else None,
                "late_seconds": each.late_seconds,
                "clock_offset_seconds": each.clock_offset,
            }
            for each in (*found.alive, *found.silent)
        ],
    }
