"""The installation's keys as JSON. It holds ids and paths, never a key."""

from collections.abc import Mapping
from typing import Any

from engage_server.records import KeyHolder, KeyRotation
from engage_server.services.keys.standing import KeyStanding


def key_standing_fields(standing: KeyStanding) -> Mapping[str, Any]:
    """What ``engage key check`` found."""
    sealed = standing.sealed
    return {
        "key": standing.key_id,
        "source": standing.source,
        "mode": standing.mode,
        "owner": standing.owner,
        "opens": not standing.trouble,
        "trouble": standing.trouble,
        "accepted": [{"key": each.key_id, "since": each.added_at.isoformat()} for each in standing.accepted],
        "sealed_values": None if sealed is None else sealed.count,
        "broken": None if sealed is None else list(sealed.broken),
        "release_key": standing.release_key,
        "holders": [holder_fields(each, standing.rotation) for each in standing.holders],
        "rotation": None if standing.rotation is None else key_rotation_fields(standing.rotation),
        "left_over": list(standing.left_over),
        "next_step": standing.next_step,
        "ok": standing.is_well,
    }


def holder_fields(holder: KeyHolder, rotation: KeyRotation | None) -> Mapping[str, Any]:
    """A process that needs the key."""
    return {
        "host": holder.host,
        "place": holder.place,
        "key": holder.key_id,
        "source": holder.source,
        "trouble": holder.trouble,
        "read_at": holder.read_at.isoformat() if holder.read_at else None,
        "alive": holder.is_alive,
        "confirmed": rotation is None or not rotation.missing([holder]),
    }


def key_rotation_fields(rotation: KeyRotation) -> Mapping[str, Any]:
    """A change of the key that is not over."""
    return {
        "old": rotation.old,
        "new": rotation.new,
        "begun_at": rotation.begun_at.isoformat(),
        "begun_by": rotation.begun_by,
        "old_is_refused": rotation.is_decided,
    }
