"""The body of an alert for a Slack webhook, within Slack's limits and without its markup.

Slack reads ``<...>`` as a link or a mention, and ``<!channel>`` as a call to everybody. It asks for three characters to
be replaced: https://docs.slack.dev/messaging/formatting-message-text (read 2026-11-27).
"""

import json
from collections.abc import Callable, Iterator

from engage_server.records import OutboxEntry
from engage_server.services.alerts.channels.one_line import one_line, plain_lines

_SECTION = 3000  # characters of a section
_HEADER = 150
_MOST_SECTIONS = 10
_REST = "... The rest is on the console, and in the output of: engage tonight"


def slack_body(entry: OutboxEntry) -> bytes:
    """Write an alert as a message with blocks, and as one line for notifications."""
    subject = one_line(entry.message.subject) or "engage-server"  # Slack refuses an empty one
    pieces = list(_pieces(plain_lines(entry.message.text), _escaped, _SECTION))
    if len(pieces) > _MOST_SECTIONS:
        pieces = [*pieces[: _MOST_SECTIONS - 1], _REST]
    header = {"type": "header", "text": {"type": "plain_text", "text": _cut(subject, _HEADER), "emoji": False}}
    sections = [{"type": "section", "text": {"type": "mrkdwn", "text": each, "verbatim": True}} for each in pieces]
    first = next(_pieces([subject], _escaped, _SECTION), "")
    return json.dumps({"text": first, "blocks": [header, *sections]}).encode()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _pieces(lines: list[str], escaped: Callable[[str], str], most: int) -> Iterator[str]:
    """Put lines together into pieces that have no more characters than this once they are escaped."""
    piece = ""
    for line in lines:
        for part in _parts(line, escaped, most):
            if piece and len(piece) + 1 + len(part) > most:
                yield piece
                piece = ""
            piece = f"{piece}\n{part}" if piece else part
    if piece.strip():
        yield piece


def _parts(line: str, escaped: Callable[[str], str], most: int) -> Iterator[str]:
    """Cut one line, never within an escaped character."""
    part = ""
    for each in line:
        if len(part) + len(escaped(each)) > most:
            yield part
            part = ""
        part += escaped(each)
    yield part
