"""The body of an alert for a workflow of Microsoft Teams: an adaptive card, within the size that Teams accepts.

All text stands in text runs. They know no markup, so no name can be a link or a mention.
"""

import json
from typing import Any

from engage_server.records import OutboxEntry
from engage_server.services.alerts.channels.one_line import one_line, plain_lines

_MOST_BYTES = 26_000  # Teams refuses more than 28 kB
_LONGEST_LINE = 1000
_REST = "... The rest is on the console, and in the output of: engage tonight"
_SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"


def teams_body(entry: OutboxEntry) -> bytes:
    """Write an alert as a message with one adaptive card."""
    blocks = [_block(one_line(entry.message.subject, _LONGEST_LINE), is_title=True)]
    left = _MOST_BYTES - len(_message(blocks)) - len(_written(_block(_REST)))
    for line in plain_lines(entry.message.text):
        block = _block(line[:_LONGEST_LINE] or " ")
        left -= len(_written(block)) + 1
        if left < 0:
            blocks.append(_block(_REST))
            break
        blocks.append(block)
    return _message(blocks)


def _message(blocks: list[dict[str, Any]]) -> bytes:
    card = {"$schema": _SCHEMA, "type": "AdaptiveCard", "version": "1.4", "msteams": {"width": "Full"}, "body": blocks}
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return _written({"type": "message", "attachments": [attachment]})


def _block(text: str, *, is_title: bool = False) -> dict[str, Any]:
    run: dict[str, Any] = {"type": "TextRun", "text": text}
    if is_title:
        run |= {"weight": "Bolder", "size": "Medium"}
    return {"type": "RichTextBlock", "spacing": "None", "inlines": [run]}


def _written(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
