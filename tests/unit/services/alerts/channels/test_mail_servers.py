"""Mail to servers of others: Debian's own, and aiosmtpd. Both read it as any server does."""

from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from engage_server.records import AlertKind, AlertMessage, Secret
from engage_server.services.alerts.channel import Delivery, Outcome
from engage_server.services.alerts.channels.mail.sending import Encryption
from engage_server.services.alerts.channels.mail.terms import MailRequest, mail_channel
from tests.support.alert_peers.certificates import certified
from tests.support.alert_peers.debian_mail import PASSWORD, USER, DebianMail, debian_mail
from tests.support.alerts import entry
from tests.support.ports import free_ports

# a line that begins with a dot, and lines that are longer than a server must take
DOTS = ".\n..\n.two\n" + "long " * 400 + "\nTür " + "ü" * 500 + "\n"


@pytest.fixture(scope="module", params=["PLAIN", "LOGIN"])
def debian(request: pytest.FixtureRequest) -> Iterator[DebianMail]:
    with debian_mail(request.param) as server:
        yield server


def request_to(port: int, **changed: Any) -> MailRequest:
    usual = MailRequest(
        "Änna <anna@example.org>",
        "Türen <doors@example.org>",
        f"localhost:{port}",
        Encryption.STARTTLS,
        USER,
        Secret(PASSWORD.encode()),
        certified().pem,
    )
    return replace(usual, **changed)


def send(request: MailRequest, text: str = DOTS, html: str = "<p>3</p>") -> Delivery:
    terms = request.terms()
    message = AlertMessage(AlertKind.MORNING, "Tür 3: 3 doors at risk", text, html)
    return mail_channel(terms.shown, terms.secret).send(replace(entry(), message=message), lambda: True)


def test_debians_mail_server_takes_it(debian: DebianMail) -> None:
    tls = request_to(debian.tls_port, server=f"127.0.0.1:{debian.tls_port}", encryption=Encryption.TLS)
    for number, request in enumerate((request_to(debian.starttls_port), tls), start=1):
        assert send(request) == Delivery(Outcome.SENT)
        mails = debian.mails(number)
        assert len(mails) == number
    for mail in mails:
        assert mail["To"] == "Änna <anna@example.org>"
        assert mail["From"] == "Türen <doors@example.org>"
        assert mail["Subject"] == "Tür 3: 3 doors at risk"
        text = mail.get_body(("plain",))
        assert text is not None and text.get_content().split() == DOTS.split()


@pytest.mark.parametrize(
    ("changed", "outcome", "why"),
    [
        ({"password": Secret(b"wrong")}, Outcome.AGAIN, "refused user name and password (535)"),
        ({"user": "", "password": None}, Outcome.AGAIN, "5.7.1 relaying needs a password"),
        ({"to": "gone@example.org"}, Outcome.REFUSED, "5.1.1 there is no such person"),
        ({"to": "later@example.org"}, Outcome.AGAIN, "4.2.0 come back later"),
        ({"trust_pem": ""}, Outcome.AGAIN, "self-signed certificate"),
    ],
)
def test_debians_mail_server_refuses(debian: DebianMail, changed: dict[str, Any], outcome: Outcome, why: str) -> None:
    before = len(debian.mails(0))
    delivery = send(request_to(debian.starttls_port, **changed))
    assert delivery.outcome is outcome
    assert why in delivery.why
    assert PASSWORD not in str(delivery)
    assert len(debian.mails(0)) == before


class Box:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802  # its name
        """Take a mail."""
        self.contents.append(envelope.content)
        return "250 taken"


def _sign_in(_server: object, _session: object, _envelope: object, _mechanism: str, given: Any) -> AuthResult:
    right = LoginPassword(USER.encode(), "Paßwort ☂".encode())
    return AuthResult(success=given == right)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_aiosmtpd_takes_it_with_a_password_that_is_not_ascii(tmp_path: Path, mechanism: str) -> None:
    box, (port,) = Box(), free_ports(1)
    other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[mechanism]
    server = Controller(
        box,
        hostname="127.0.0.1",
        port=port,
        tls_context=certified().context(tmp_path),
        require_starttls=True,
        auth_required=True,
        authenticator=_sign_in,
        auth_exclude_mechanism=[other],
    )
    server.start()
    try:
        right = request_to(port, password=Secret("Paßwort ☂".encode()))
        assert send(right) == Delivery(Outcome.SENT)
        assert send(request_to(port)).outcome is Outcome.AGAIN
        bare = request_to(port, encryption=Encryption.NONE, user="", password=None)
        assert send(bare).outcome is Outcome.AGAIN, "it wants STARTTLS first"
    finally:
        server.stop()
    (content,) = box.contents
    text = message_from_bytes(content, policy=policy.default).get_body(("plain",))
    assert text is not None and text.get_content().split() == DOTS.split()
