"""Sends alerts by mail.

Once a server has begun to take the content, only its reply says whether it has the mail. If that reply does not come,
the mail is never sent again: two mails at 06:30 would be worse than a line that says "unsure".
"""

import re
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.headerregistry import Address
from enum import StrEnum

from engage_server.records import OutboxEntry, Secret
from engage_server.services.alerts.channel import TAKEN, Delivery, HandOver, Outcome
from engage_server.services.alerts.channels.mail.message import mail_of
from engage_server.services.alerts.channels.mail.smtp_client import NotProtected, Reply, SmtpClient, SmtpTrouble
from engage_server.services.calling_out.deadline import deadline
from engage_server.services.calling_out.reaching import reach
from engage_server.services.calling_out.reasons import reason_of

# RFC 3463: the address itself is wrong or closed. A policy, a full mailbox and a broken route may pass.
_WANTS_ANOTHER_WAY = (530, 534, 538)  # RFC 4954 section 6: encryption, or another mechanism
_FOR_GOOD = re.compile(r"5\.(1\.\d+|2\.[01])\b")
_ENHANCED = re.compile(r"5\.\d+\.\d+\b")


class Encryption(StrEnum):
    """How a connection to a mail server is protected. Values are stored: never rename one."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server that takes our mail.

    Attributes:
        host: Its name or address. Its certificate must have it.
        port: Its port.
        encryption: How the connection is protected.
        trust: Whom to trust for TLS.
        user: The name to sign in with. "" for none.
        password: Its password. None without a user.
    """

    host: str
    port: int
    encryption: Encryption
    trust: ssl.SSLContext
    user: str = ""
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class MailLimits:
    """How long a mail server may take.

    Attributes:
        step: Seconds for each step.
        whole: Seconds in all.
    """

    step: float = 30.0
    whole: float = 90.0


@dataclass(frozen=True, slots=True)
class MailChannel:
    """Mail to one address.

    Attributes:
        server: The server that takes it.
        sender: From whom.
        to: To whom.
        limits: How long it may take.
    """

    server: MailServer
    sender: Address
    to: Address
    limits: MailLimits = MailLimits()

    def send(self, entry: OutboxEntry, hand_over: HandOver) -> Delivery:
        """See :meth:`engage_server.services.alerts.channel.Channel.send`."""
        attempt = _Attempt(self, mail_of(entry, self.sender, self.to), hand_over)
        try:
            with deadline(self.limits.whole):
                attempt.run()
        except SmtpTrouble as trouble:
            return attempt.delivery or attempt.refused(trouble.reply)
        except NotProtected as error:
            return attempt.trouble(str(error), "Nothing secret was sent. Set --encryption as your provider says.")
        except (OSError, ValueError) as error:
            return attempt.delivery or attempt.broken(error)
        finally:
            attempt.close()
        return attempt.delivery or attempt.trouble("did not take the mail", "Alerts are tried again. A test is not.")


class _Attempt:
    """One attempt: how far it came decides what a failure means."""

    def __init__(self, channel: MailChannel, content: bytes, hand_over: HandOver) -> None:
        self._channel = channel
        self._server = channel.server
        self._content = content
        self._hand_over = hand_over
        self._client: SmtpClient | None = None
        self._step = "the greeting"
        self._is_handed_over = False
        self.delivery: Delivery | None = None  # the last reply counts, whatever happens after it

    def run(self) -> None:
        """Go through the conversation up to the reply that decides."""
        client = self._open()
        self._sign_in(client)
        self._step = "the sender"
        client.demand("MAIL", f"FROM:<{self._channel.sender.addr_spec}>")
        self._step = "the recipient"
        client.demand("RCPT", f"TO:<{self._channel.to.addr_spec}>")
        self._step = "the content"
        client.demand("DATA", code=354)
        if not self._hand_over():
            self.delivery = TAKEN
            return
        self._is_handed_over = True
        reply = client.send_content(self._content)
        self._is_handed_over = False  # it has answered: nothing is unsure any more
        self.delivery = Delivery(Outcome.SENT) if reply.code == 250 else self.refused(reply)
        if self.delivery.outcome is Outcome.SENT:
            with suppress(OSError):
                client.docmd("QUIT")

    def refused(self, reply: Reply) -> Delivery:
        """The server said no to a step."""
        said = f"refused {self._step}: {reply.code} {reply.text}".rstrip()
        if self._step == "the recipient" and _is_for_good(reply):
            fix = "Check the address. Remove the recipient, and add it with the right one."
            return self.trouble(f"{said} ({self._channel.to.addr_spec})", fix, Outcome.REFUSED)
        if self._step == "the user" and reply.code in _WANTS_ANOTHER_WAY:
            return self.trouble(f"wants another way to sign in ({reply.code})", "Try --encryption starttls, or tls.")
        if self._step == "the user":
            return self.trouble(f"refused user name and password ({reply.code})", "Check both at your provider.")
        fix = (
            "Alerts are tried again. A test is not."
            if 400 <= reply.code < 500
            else "Ask who runs the server what it wants."
        )
        return self.trouble(said, fix)

    def broken(self, error: Exception) -> Delivery:
        """The conversation broke off."""
        why = reason_of(error)
        if self._is_handed_over:
            fix = "Look for it in the mailbox. It is not sent again, so that nobody gets it twice."
            return self.trouble(f"may have the mail, but did not say so: {why}", fix, Outcome.UNSURE)
        fix = "Check the server's name, port and certificate, and the way to it."
        return self.trouble(f"broke off at {self._step}: {why}" if self._client else f"does not answer: {why}", fix)

    def trouble(self, what: str, fix: str, outcome: Outcome = Outcome.AGAIN) -> Delivery:
        """A delivery that failed, with the server's name."""
        return Delivery(outcome, f"the mail server {self._server.host}:{self._server.port} {what}", fix=fix)

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()

    def _open(self) -> SmtpClient:
        server = self._server
        client = SmtpClient(reach(server.host, server.port, self._channel.limits.step), server.host)
        self._client = client
        if server.encryption is Encryption.TLS:
            client.use_tls(server.trust)
        client.expect_greeting()
        client.greet()
        if server.encryption is Encryption.STARTTLS:
            self._step = "STARTTLS"
            client.begin_tls(server.trust)
            client.greet()
        return client

    def _sign_in(self, client: SmtpClient) -> None:
        if self._server.user and self._server.password is not None:
            self._step = "the user"
            client.sign_in(self._server.user, self._server.password)


def _is_for_good(reply: Reply) -> bool:
    """Whether a server will never take mail for this address. A code without details counts as it stands."""
    if reply.code < 500:
        return False
    return bool(_FOR_GOOD.match(reply.text)) or not _ENHANCED.match(reply.text)
