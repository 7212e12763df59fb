"""What programs receive: the JSON of an alert, for webhooks and commands."""

import json
from collections.abc import Mapping

from engage_server.records import OutboxEntry
from engage_server.services.alerts.channels.one_line import one_line, plain_lines

_MOST_BYTES = 256 * 1024
_MOST_CHARACTERS = 16 * 1024  # twelve bytes are the most that JSON needs for one


def alert_body(entry: OutboxEntry) -> bytes:
    """Write an alert in the form that Standard Webhooks recommends: ``type``, ``timestamp`` and ``data``.

    The bytes are the same in each attempt. An alert that is too long goes without its facts, and says so.
    """
    message = entry.message
    text = "\n".join(plain_lines(message.text))
    data: dict[str, object] = {
        "id": entry.id,
        "kind": message.kind.value,
        "site": entry.site or None,
        "period": entry.period,
        "subject": one_line(message.subject),
        "text": text,
    }
    whole = _written(entry, data | {"facts": message.facts, "is_whole": True})
    if len(whole) <= _MOST_BYTES:
        return whole
    return _written(entry, data | {"text": text[:_MOST_CHARACTERS], "facts": {}, "is_whole": False})


def _written(entry: OutboxEntry, data: Mapping[str, object]) -> bytes:
    whole = {
        "type": f"alert.{entry.message.kind.value}",
        "timestamp": entry.made_at.isoformat(),
        "data": data,
    }
    return json.dumps(whole, separators=(",", ":")).encode()
