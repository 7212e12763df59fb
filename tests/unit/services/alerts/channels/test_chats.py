"""The bodies for Slack and Teams: within their limits, and without their markup."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engage_server.records import AlertKind, AlertMessage, OutboxEntry
from engage_server.services.alerts.channels.web.slack import slack_body
from engage_server.services.alerts.channels.web.teams import teams_body
from tests.support.alerts import entry

EVIL = "<!channel> <https://evil.example|door> & [door](https://evil.example) <at>all</at> **x**"


def saying(subject: str, text: str) -> OutboxEntry:
    return replace(entry(), message=AlertMessage(AlertKind.MORNING, subject, text))


def slack_texts(body: dict[str, Any]) -> list[str]:
    return [body["text"], *(block["text"]["text"] for block in body["blocks"] if block["type"] == "section")]


def test_slack_escapes_its_markup() -> None:
    body = json.loads(slack_body(saying(EVIL, f"{EVIL}\nsecond")))
    for text in slack_texts(body):
        assert "<" not in text and ">" not in text
        assert "&lt;!channel&gt;" in text and " &amp; " in text
    header, section = body["blocks"]
    assert header["text"] == {"type": "plain_text", "text": EVIL, "emoji": False}, "there it is no markup"
    assert section["text"]["verbatim"] is True
    assert section["text"]["text"].endswith("\nsecond")


@given(subject=st.text(max_size=300), text=st.text(max_size=5000), times=st.integers(1, 40))
def test_slacks_limits(subject: str, text: str, times: int) -> None:
    body = json.loads(slack_body(saying(subject or "x", f"{text}&<>\n" * times)))
    assert len(body["blocks"]) <= 12
    assert len(body["blocks"][0]["text"]["text"]) <= 150
    for part in slack_texts(body):
        assert len(part) <= 3000
        assert part.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").count("&") == 0, "none is cut"
    assert all(block["text"]["text"] for block in body["blocks"][1:])


def test_a_long_alert_says_where_the_rest_is() -> None:
    long = "door 7 is at risk\n" * 20_000
    assert "engage tonight" in json.loads(slack_body(saying("x", long)))["blocks"][-1]["text"]["text"]
    card = json.loads(teams_body(saying("x", long)))["attachments"][0]["content"]
    assert "engage tonight" in card["body"][-1]["inlines"][0]["text"]


def test_teams_knows_no_markup_in_runs() -> None:
    body = json.loads(teams_body(saying(EVIL, f"{EVIL}\n\n  second")))
    assert body["type"] == "message"
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    runs = [run for block in card["body"] for run in block["inlines"]]
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert {run["type"] for run in runs} == {"TextRun"}
    assert [run["text"] for run in runs] == [EVIL, EVIL, " ", "  second"]
    assert "entities" not in card["msteams"], "without them nobody is mentioned"


@given(subject=st.text(max_size=3000), text=st.text(max_size=3000), times=st.integers(1, 40))
def test_teams_limit(subject: str, text: str, times: int) -> None:
    body = teams_body(saying(subject, f"{text}\n" * times))
    assert len(body) <= 28_000
    assert json.loads(body)
