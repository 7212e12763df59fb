"""The uploads of a device in a file: each upload once, in the order in which they came. Pure.

``{"audits": [{"receivedAt": ..., "digest": ..., "upload": ..., "repeated": [0, 2], "again": [...]}, ...]}``

* ``upload`` is what came, without passwords.
* ``repeated`` has the places of events that already came in an earlier upload.
* ``again`` has the times at which exactly the same upload came again, because our answer was lost.
* ``id`` identifies the entry in the journal of its site (:mod:`.upload_journal`). Imported entries have none.
* ``times`` is how often it came.
* ``call`` is the kind of call, in a file with uploads of several kinds: ``scan``, ``credentials`` or ``status``.
* ``unread`` is the number of events in an upload with more than ``max_audit_events``. It is kept whole, and its events
  are not compared. So the cost of a call grows only with its length.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engage_server.errors import BodyInvalid
from engage_server.protocol.device_audits import MAX_EVENTS, events_in
from engage_server.protocol.json_body import Json, content_digest, without_secrets, write_json

Entry = dict[str, Any]

_AGAIN_KEPT = 20  # times of one upload: a device that never gets our answer sends it every night


@dataclass(frozen=True, slots=True)
class Taken:
    """The result of adding an upload.

    Attributes:
        entries: All entries after it.
        fresh: Its events that had not come before.
    """

    entries: list[Entry]
    fresh: tuple[Json, ...]


def taken(entries: Sequence[Entry], upload: Json, at: datetime, max_events: int = MAX_EVENTS, call: str = "") -> Taken:
    """Add one more upload to the entries.

    Args:
        entries: The entries so far.
        upload: The upload as it came.
        at: When it arrived.
        max_events: An upload with more events is kept, but its events are not compared with earlier ones.
        call: Which call it was, if the file has uploads of several; "" if it has one.
    """
    kept, digest = without_secrets(upload), upload_digest(upload, call)
    same = next((place for place, entry in enumerate(entries) if entry["digest"] == digest), None)
    if same is not None:
        entry = entries[same]
        again = [*entry.get("again", ()), stamp(at)]
        changed = entry | {"again": again[-_AGAIN_KEPT:], "times": entry.get("times", 1) + 1}
        return Taken([*entries[:same], changed, *entries[same + 1 :]], ())
    entry = {"receivedAt": stamp(at), **({"call": call} if call else {}), "digest": digest, "upload": kept}
    events = events_in(kept)
    if len(events) > max_events:
        return Taken([*entries, entry | {"unread": len(events)}], ())
    known = {content_digest(event) for entry in entries for event in read_events(entry)}
    repeated = [place for place, event in enumerate(events) if content_digest(event) in known]
    if repeated:
        entry["repeated"] = repeated
    return Taken([*entries, entry], tuple(fresh_events(entry)))


def upload_digest(upload: Json, call: str = "") -> str:
    """The digest that identifies an upload, without passwords. The same body of another call is another upload."""
    kept = without_secrets(upload)
    return content_digest([call, kept] if call else kept)


def read_events(entry: Entry) -> list[Json]:
    """The events of an entry; empty if it has too many to be read."""
    return [] if "unread" in entry else events_in(entry["upload"])


def fresh_events(entry: Entry) -> list[Json]:
    """The events of an entry that had not come in an earlier upload."""
    repeated = set(entry.get("repeated", ()))
    return [event for place, event in enumerate(read_events(entry)) if place not in repeated]


def entries_of(name: str, value: Json, source: str) -> list[Entry]:
    """The entries in a file that was written here.

    Args:
        name: ``audits``, ``alerts``, ...
        value: The file's content.
        source: The name of the file in the error.

    Raises:
        BodyInvalid: It is not such a file.
    """
    entries = value.get(name) if isinstance(value, dict) else None
    if not isinstance(entries, list) or not all(_is_entry(entry) for entry in entries):
        raise BodyInvalid(f"{source} is not a file of {name} that was written here", "Restore it from a backup.")
    return entries


def imported_entries(name: str, value: Json, at: datetime) -> list[Entry]:
    """The entries of a file from elsewhere, in our own form or as uploads that a device sent."""
    try:
        return entries_of(name, value, name)
    except BodyInvalid:
        return taken([], value, at, sys.maxsize).entries


def stamp(at: datetime) -> str:
    """A time in the form that files use: UTC, to the second."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def in_parts(entries: Sequence[Entry], most: int) -> Iterator[list[Entry]]:
    """Divide entries into lists that each fit into one file of so many bytes."""
    part: list[Entry] = []
    length = 0
    for entry in entries:
        count = len(write_json(entry)) + 1
        if part and length + count > most:
            yield part
            part, length = [], 0
        part.append(entry)
        length += count
    if part:
        yield part


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("receivedAt"), str)
        and isinstance(entry.get("digest"), str)
        and "upload" in entry
        and _are(str, entry.get("again", []))
        and _are(int, entry.get("repeated", []))
        and isinstance(entry.get("times", 1), int)
    )


def _are(kind: type, values: object) -> bool:
    return isinstance(values, list) and all(isinstance(each, kind) for each in values)
