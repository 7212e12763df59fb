"""What a device sent, kept in a file: each upload once, in the order in which they came. Pure.

``{"audits": [{"receivedAt": ..., "digest": ..., "upload": ..., "repeated": [0, 2], "again": [...]}, ...]}``

``upload`` is what came, without passwords; ``repeated`` are the places of events that came in an earlier upload
already; ``again`` is when the very same upload came once more, as it does when our answer was lost, and ``times`` how
often. ``unread`` is how many events an upload has that is longer than the setting ``max_audit_events``: it is kept
whole, and nothing looks at its events. So what one call costs grows with its length, and no faster.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engage_server.errors import BodyInvalid
from engage_server.protocol.device_audits import MAX_EVENTS, events_in
from engage_server.protocol.json_body import Json, content_digest, without_secrets

Entry = dict[str, Any]

_AGAIN_KEPT = 20  # times of one upload; a device that never hears our answer comes every night


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an upload.

    Attributes:
        entries: All entries from now on.
        fresh: Its events that had not come before.
    """

    entries: list[Entry]
    fresh: tuple[Json, ...]


def taken(entries: Sequence[Entry], upload: Json, at: datetime, max_events: int = MAX_EVENTS) -> Taken:
    """The entries with one more upload.

    Args:
        entries: Those so far.
        upload: What came.
        at: When.
        max_events: An upload with more is kept, and its events are not looked at.
    """
    kept, digest = without_secrets(upload), upload_digest(upload)
    same = next((place for place, entry in enumerate(entries) if entry["digest"] == digest), None)
    if same is not None:
        entry = entries[same]
        again = [*entry.get("again", ()), stamp(at)]
        changed = entry | {"again": again[-_AGAIN_KEPT:], "times": entry.get("times", 1) + 1}
        return Taken([*entries[:same], changed, *entries[same + 1 :]], ())
    entry = {"receivedAt": stamp(at), "digest": digest, "upload": kept}
    events = events_in(kept)
    if len(events) > max_events:
        return Taken([*entries, entry | {"unread": len(events)}], ())
    known = {content_digest(event) for entry in entries for event in read_events(entry)}
    repeated = [place for place, event in enumerate(events) if content_digest(event) in known]
    if repeated:
        entry["repeated"] = repeated
    return Taken([*entries, entry], tuple(fresh_events(entry)))


def upload_digest(upload: Json) -> str:
    """Names an upload by what is kept of it."""
    return content_digest(without_secrets(upload))


def read_events(entry: Entry) -> list[Json]:
    """The events of an entry; none of one that is too long to be looked at."""
    return [] if "unread" in entry else events_in(entry["upload"])


def fresh_events(entry: Entry) -> list[Json]:
    """Those that had not come in an earlier upload."""
    repeated = set(entry.get("repeated", ()))
    return [event for place, event in enumerate(read_events(entry)) if place not in repeated]


def entries_of(name: str, value: Json, source: str) -> list[Entry]:
    """The entries in a file of ours.

    Args:
        name: ``audits``, ``alerts``, ...
        value: The file's content.
        source: What to call it in the error.

    Raises:
        BodyInvalid: It is no such file.
    """
    entries = value.get(name) if isinstance(value, dict) else None
    if not isinstance(entries, list) or not all(_is_entry(entry) for entry in entries):
        raise BodyInvalid(f"{source} is no file of {name} that was kept here", "Restore it from a backup.")
    return entries


def imported_entries(name: str, value: Json, at: datetime) -> list[Entry]:
    """Entries of a file from elsewhere: our own form, or uploads as a device sends them."""
    try:
        return entries_of(name, value, name)
    except BodyInvalid:
        return taken([], value, at, sys.maxsize).entries


def stamp(at: datetime) -> str:
    """A time as it stands in files: UTC, to the second."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("receivedAt"), str)
        and isinstance(entry.get("digest"), str)
        and "upload" in entry
    )
