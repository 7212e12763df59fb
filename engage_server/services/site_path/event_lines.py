"""The form of a path event in the ingress's spool: one JSON object on one line."""

import json
from datetime import UTC, datetime

from engage_server.records import PathEvent, PathSays

MAX_NAME_CHARACTERS = 64  # of a site, link, kind or key, as wide as the store's columns
MAX_DETAIL_CHARACTERS = 512  # of one text in the detail
MAX_DETAILS = 32
MAX_LINE_BYTES = 64 * 1024
SUFFIX = ".path-events"


def line_of(event: PathEvent) -> bytes:
    """Return the event's line. Texts that are too long are cut, and characters that no database accepts are left out.

    A key is never cut, because two keys could become one.

    Raises:
        ValueError: The key is too long, or the time has no zone.
    """
    if len(event.key) > MAX_NAME_CHARACTERS:
        raise ValueError("a key has at most 64 characters: use a digest")
    if event.at.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    detail = {_text(name, MAX_NAME_CHARACTERS): _text(text, MAX_DETAIL_CHARACTERS) for name, text in _some(event)}
    content = {
        "site": _text(event.site, MAX_NAME_CHARACTERS),
        "link": _text(event.link, MAX_NAME_CHARACTERS),
        "at": event.at.astimezone(UTC).isoformat(),
        "kind": _text(event.kind, MAX_NAME_CHARACTERS),
        "says": event.says.value,
        "detail": detail,
        "key": _text(event.key, MAX_NAME_CHARACTERS),
    }
    return json.dumps(content, separators=(",", ":")).encode("ascii") + b"\n"


def event_of(line: bytes) -> PathEvent | None:
    """Read a line. None if it is no event, such as a line cut off on a full disk."""
    try:
        found = json.loads(line)
        at = datetime.fromisoformat(found["at"])
        texts = [found["site"], found["link"], found["kind"], found["key"]]
        detail = {str(name): str(text) for name, text in found["detail"].items()}
        if at.tzinfo is None or not all(isinstance(each, str) and len(each) <= MAX_NAME_CHARACTERS for each in texts):
            return None
        return PathEvent(texts[0], texts[1], at, texts[2], PathSays(found["says"]), detail, texts[3])
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def _some(event: PathEvent) -> list[tuple[str, str]]:
    return list(event.detail.items())[:MAX_DETAILS]


def _text(text: str, limit: int) -> str:
    """A text that every database accepts: without NUL and without halves of a character."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:limit]
