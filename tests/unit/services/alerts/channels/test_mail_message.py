"""The mail itself, read back by the standard library: headers, names, and what strangers could put into them."""

import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.records import AlertKind, AlertMessage, OutboxEntry
from engage_server.services.alerts.channels.mail.message import mail_of, read_mail_address
from tests.support.alerts import entry

SENDER = read_mail_address("Türen am Depot <doors@example.org>", "--from")
TO = read_mail_address("anna@example.org", "--to")
HEADERS = {
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version"),
    *("Content-Type", "Content-Transfer-Encoding"),
}


def saying(subject: str, text: str = "x\n", html: str = "") -> OutboxEntry:
    return replace(entry(), message=AlertMessage(AlertKind.MORNING, subject, text, html))


def read(of: OutboxEntry) -> EmailMessage:
    found = message_from_bytes(mail_of(of, SENDER, TO), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_everything_is_there() -> None:
    of = saying("main: 3 doors at risk", "drei Türen\n", "<p>drei T&uuml;ren</p>")
    mail = read(of)
    assert mail["From"] == "Türen am Depot <doors@example.org>"
    assert mail["To"] == "anna@example.org"
    assert mail["Subject"] == "main: 3 doors at risk"
    assert mail["Message-ID"] == f"<{of.id}@example.org>"
    assert mail["Date"].datetime == of.made_at
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    parts = list(mail.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"], "the best comes last"
    assert isinstance(parts[0], EmailMessage) and parts[0].get_content() == "drei Türen\r\n"


def test_text_alone_is_one_part() -> None:
    assert read(saying("x")).get_content_type() == "text/plain"


def test_an_attempt_is_the_same_bytes() -> None:
    of = saying("ä" * 500, "text\n")
    assert mail_of(of, SENDER, TO) == mail_of(of, SENDER, TO)


@pytest.mark.parametrize(
    "subject",
    [
        "door\r\nBcc: evil@example.org",
        "door\nX: y\n\nbody",
        "door\x85Bcc: evil@example.org",
        "door\u2028Bcc: evil@example.org",
        "door\x0b\x0c\x1c\x1d\x1eBcc: x",
        "door\0",
        "\u202edoor",
        "door \ud800",
        "=?utf-8?q?=0ABcc:_evil@example.org?=",
        "=" * 59 + "=?utf-8?q?=0ABcc:_evil@example.org?=",
        "=\0?utf-8?q?=0ABcc:_evil@example.org?=",
        "",
        " ",
        "x" * 5000,
        "ä" * 5000,
        "word " * 1000,
        "日本" * 700,
    ],
)
def test_subjects_of_strangers(subject: str) -> None:
    whole = mail_of(saying(subject), SENDER, TO)
    assert whole.isascii()
    assert max(map(len, whole.split(b"\r\n"))) <= 998
    mail = read(saying(subject))
    assert set(mail.keys()) <= HEADERS
    assert mail.get_content().strip() == "x"
    assert mail["Subject"].isprintable()


@given(
    subject=st.text(max_size=200) | st.from_regex(r"=\?utf-8\?[qb]\?(=[0-9A-F]{2}|[A-z:]){1,30}\?="),
    text=st.text(max_size=200),
    html=st.text(max_size=200),
)
def test_nothing_adds_a_header_or_a_line_that_ends_the_mail(subject: str, text: str, html: str) -> None:
    whole = mail_of(saying(subject, text, html), SENDER, TO)
    assert whole.isascii()
    assert whole.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", whole), "no bare line ends: some servers read them as a new mail"
    assert set(message_from_bytes(whole, policy=policy.default).keys()) <= HEADERS


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("anna@example.org", "", "anna@example.org"),
        ("<anna@example.org>", "", "anna@example.org"),
        ("Änna B. <a.b+c@xn--tr-xka.example>", "Änna B.", "a.b+c@xn--tr-xka.example"),
        ('"B, Anna" <anna@example.org>', "B, Anna", "anna@example.org"),
    ],
)
def test_addresses(text: str, name: str, address: str) -> None:
    found = read_mail_address(text, "--to")
    assert (found.display_name, found.addr_spec) == (name, address)
