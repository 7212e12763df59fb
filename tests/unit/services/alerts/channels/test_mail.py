"""Mail to a server that is right, and to one that does one thing wrong at one step: what that means for the mail."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from engage_server.errors import StoreNotUsable, UsageError
from engage_server.records import Secret
from engage_server.services.alerts.channel import LONGEST_SEND_SECONDS, TAKEN, Delivery, Outcome
from engage_server.services.alerts.channels.mail.sending import Encryption, MailChannel, MailLimits
from engage_server.services.alerts.channels.mail.terms import MailRequest, mail_channel, read_password
from tests.support.alert_peers.bad_mail import (
    STEPS,
    BadMail,
    Deed,
    drip,
    hang,
    hang_up,
    lines_without_end,
    long_line,
    nonsense,
    saying,
)
from tests.support.alert_peers.certificates import Certified, certified
from tests.support.alert_peers.raw_server import RawServer
from tests.support.alerts import entry

CANARY = "canary-of-a-mail-password"
QUICK = MailLimits(step=0.4, whole=0.8)
CALM = MailLimits(step=10, whole=20)


class Asked:
    """Hands over, and counts how often it was asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> bool:
        self.times += 1
        return True


def channel(
    port: int, limits: MailLimits = CALM, trusted: Certified | None = None, host: str = "localhost"
) -> MailChannel:
    terms = MailRequest(
        "Anna <anna@example.org>",
        "doors@example.org",
        f"{host}:{port}",
        user="doors@example.org",
        password=Secret(CANARY.encode()),
        trust_pem=(trusted or certified()).pem,
    ).terms()
    assert CANARY not in str(terms)
    return mail_channel(terms.shown, terms.secret, limits)


@contextmanager
def serving(
    folder: Path, step: str = "", deed: Deed = hang, certificate: Certified | None = None
) -> Iterator[tuple[BadMail, int]]:
    mail = BadMail((certificate or certified()).context(folder), step, deed)
    with RawServer(mail) as server:
        yield mail, server.port


def try_once(
    folder: Path,
    step: str = "",
    deed: Deed = hang,
    limits: MailLimits = CALM,
    hand_over: Callable[[], bool] = lambda: True,
) -> tuple[Delivery, BadMail]:
    with serving(folder, step, deed) as (mail, port):
        delivery = channel(port, limits).send(entry(), hand_over)
    assert CANARY not in str(delivery), "no server makes us repeat the password"
    return delivery, mail


def test_a_right_server_gets_the_mail_once(tmp_path: Path) -> None:
    asked = Asked()
    delivery, mail = try_once(tmp_path, hand_over=asked)
    assert delivery == Delivery(Outcome.SENT)
    assert len(mail.mails) == 1
    assert asked.times == 1


@pytest.mark.parametrize("step", STEPS)
def test_a_server_that_hangs_is_left_in_time(tmp_path: Path, step: str) -> None:
    begun = monotonic()
    delivery, mail = try_once(tmp_path, step, hang, QUICK)
    assert monotonic() - begun < 8
    assert delivery.outcome is (Outcome.UNSURE if step == "content" else Outcome.AGAIN)
    assert delivery.why and delivery.fix
    assert mail.tries == 1


@pytest.mark.parametrize("step", STEPS)
def test_a_server_that_hangs_up(tmp_path: Path, step: str) -> None:
    delivery, _ = try_once(tmp_path, step, hang_up)
    assert delivery.outcome is (Outcome.UNSURE if step == "content" else Outcome.AGAIN)


@pytest.mark.parametrize("step", ["greeting", "handshake", "content"])
def test_no_server_holds_us_by_a_byte_now_and_then(tmp_path: Path, step: str) -> None:
    begun = monotonic()
    delivery, _ = try_once(tmp_path, step, drip, MailLimits(step=0.5, whole=1.0))
    assert monotonic() - begun < 8
    assert "took more than 1 s" in delivery.why or step == "handshake"
    assert delivery.outcome is (Outcome.UNSURE if step == "content" else Outcome.AGAIN)


@pytest.mark.parametrize("deed", [lines_without_end, long_line, nonsense])
@pytest.mark.parametrize("step", ["greeting", "ehlo", "recipient"])
def test_replies_have_an_end(tmp_path: Path, step: str, deed: Deed) -> None:
    delivery, _ = try_once(tmp_path, step, deed)
    assert delivery.outcome is Outcome.AGAIN
    assert "reply" in delivery.why


@pytest.mark.parametrize("step", ["greeting", "ehlo", "starttls", "ehlo again", "user", "sender", "recipient", "data"])
@pytest.mark.parametrize("code", [421, 450, 554])
def test_a_refusal_before_the_content_may_pass(tmp_path: Path, step: str, code: int) -> None:
    """But for an address that is wrong for good."""
    never = Asked()
    delivery, mail = try_once(tmp_path, step, saying(b"%d 5.7.1 no\r\n" % code), hand_over=never)
    assert delivery.outcome is Outcome.AGAIN
    assert not never.times, "it was never handed over"
    assert b"three doors" not in mail.heard


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (b"550 5.1.1 no such user", Outcome.REFUSED),
        (b"550 no such user", Outcome.REFUSED),
        (b"553-5.1.3 what\r\n553 5.1.3 is that", Outcome.REFUSED),
        (b"550 5.2.1 mailbox disabled", Outcome.REFUSED),
        (b"552 5.2.2 mailbox full", Outcome.AGAIN),
        (b"550 5.7.1 relaying denied", Outcome.AGAIN),
        (b"450 4.2.0 greylisted", Outcome.AGAIN),
        (b"452 5.1.1 contradicts itself", Outcome.AGAIN),
    ],
)
def test_an_address_is_wrong_for_good(tmp_path: Path, reply: bytes, outcome: Outcome) -> None:
    delivery, _ = try_once(tmp_path, "recipient", saying(reply + b"\r\n"))
    assert delivery.outcome is outcome


@pytest.mark.parametrize("reply", [b"451 4.3.0 try again", b"554 5.7.1 this is spam", b"552 5.3.4 too big"])
def test_a_content_that_was_refused_did_not_arrive(tmp_path: Path, reply: bytes) -> None:
    delivery, _ = try_once(tmp_path, "content", saying(reply + b"\r\n"))
    assert delivery.outcome is Outcome.AGAIN
    assert reply.decode() in delivery.why


class TestHandingOver:
    """What cannot be taken back begins when the server waits for the content."""

    def test_somebody_else_has_it(self, tmp_path: Path) -> None:
        delivery, mail = try_once(tmp_path, hand_over=lambda: False)
        assert delivery == TAKEN
        assert b"DATA" in mail.heard
        assert b"three doors" not in mail.heard
        assert not mail.mails

    def test_the_store_is_away(self, tmp_path: Path) -> None:
        def away() -> bool:
            raise StoreNotUsable("away")

        with serving(tmp_path) as (mail, port), pytest.raises(StoreNotUsable):
            channel(port).send(entry(), away)
        assert b"three doors" not in mail.heard

    def test_it_waits_until_the_server_waits(self, tmp_path: Path) -> None:
        heard: list[bytes] = []
        with serving(tmp_path) as (mail, port):

            def ask() -> bool:
                heard.append(mail.heard)
                return True

            channel(port).send(entry(), ask)
        assert heard[0].endswith(b"DATA\r\n")

    def test_a_server_that_never_says_goodbye_has_it(self, tmp_path: Path) -> None:
        def accept_and_hang(_of: BadMail, connection: object, stopped: object) -> None:
            connection.sendall(b"250 ok\r\n")  # type: ignore[attr-defined]
            stopped.wait(10)  # type: ignore[attr-defined]

        delivery, _ = try_once(tmp_path, "content", accept_and_hang, QUICK)
        assert delivery == Delivery(Outcome.SENT)


class TestProtection:
    """A password goes through TLS with a verified server, or nowhere."""

    @pytest.mark.parametrize("reply", [b"250 localhost\r\n", b"250-localhost\r\n250 XSTARTTLX\r\n"])
    def test_stripped_starttls(self, tmp_path: Path, reply: bytes) -> None:
        delivery, mail = try_once(tmp_path, "ehlo", saying(reply))
        assert delivery.outcome is Outcome.AGAIN
        assert "offers no STARTTLS" in delivery.why
        assert b"AUTH" not in mail.heard and b"MAIL" not in mail.heard

    def test_starttls_refused(self, tmp_path: Path) -> None:
        delivery, mail = try_once(tmp_path, "starttls", saying(b"454 not now\r\n"))
        assert delivery.outcome is Outcome.AGAIN
        assert mail.heard.endswith(b"STARTTLS\r\n")

    def test_words_that_were_put_in_before_tls(self, tmp_path: Path) -> None:
        """RFC 3207: they would count as said by the verified server."""
        injected = b"220 go ahead\r\n250-evil\r\n250 AUTH PLAIN\r\n235 welcome\r\n"
        delivery, mail = try_once(tmp_path, "starttls", saying(injected))
        assert delivery.outcome is Outcome.AGAIN
        assert "more before TLS" in delivery.why
        assert b"AUTH" not in mail.heard

    @pytest.mark.parametrize(
        ("certificate", "trusted", "host", "why"),
        [
            (certified("mail.example.org"), certified("mail.example.org"), "localhost", "mismatch"),
            (certified(days=-1), certified(days=-1), "localhost", "expired"),
            (certified(), certified(days=29), "localhost", "self-signed"),
            (certified("localhost.example"), certified("localhost.example"), "127.0.0.1", "mismatch"),
        ],
        ids=["another name", "too old", "not trusted", "no address"],
    )
    def test_certificates(
        self, tmp_path: Path, certificate: Certified, trusted: Certified, host: str, why: str
    ) -> None:
        with serving(tmp_path, certificate=certificate) as (mail, port):
            delivery = channel(port, trusted=trusted, host=host).send(entry(), lambda: True)
        assert delivery.outcome is Outcome.AGAIN
        assert why in delivery.why
        assert b"AUTH" not in mail.heard

    def test_a_server_that_repeats_the_password(self, tmp_path: Path) -> None:
        delivery, mail = try_once(tmp_path, "sender", saying(b"550 hello " + CANARY.encode() + b"\r\n"))
        assert delivery.outcome is Outcome.AGAIN
        assert "550" in delivery.why
        assert b"AUTH PLAIN" in mail.heard

    def test_a_server_that_repeats_what_carried_it(self, tmp_path: Path) -> None:
        def repeat(of: BadMail, connection: object, _stopped: object) -> None:
            carried = of.heard.split(b"AUTH PLAIN ")[1].split(b"\r\n")[0]
            connection.sendall(b"550 you said " + carried + b"\r\n")  # type: ignore[attr-defined]

        delivery, _ = try_once(tmp_path, "sender", repeat)
        assert delivery.why.endswith("refused the sender: 550")

    def test_words_of_a_server_are_on_one_line(self, tmp_path: Path) -> None:
        delivery, _ = try_once(tmp_path, "sender", saying(b"550-\x1b[31mred\r\n550 " + b"x" * 1000 + b"\r\n"))
        assert delivery.why.isprintable()
        assert len(delivery.why) < 400


class TestTerms:
    """What an operator may say."""

    @pytest.mark.parametrize(
        ("request_", "code"),
        [
            (MailRequest("a@b.c", "d@e.f", "h", Encryption.NONE, "u", Secret(b"p")), "alert.user"),
            (MailRequest("a@b.c", "d@e.f", "h", user="u"), "alert.user"),
            (MailRequest("a@b.c", "d@e.f", "h", password=Secret(b"p")), "alert.user"),
            (MailRequest("a@b.c", "d@e.f", "h", user="u\nv", password=Secret(b"p")), "alert.user"),
            (MailRequest("a@b.c", "", "h"), "alert.from"),
            (MailRequest("nobody", "d@e.f", "h"), "alert.mail_address"),
            (MailRequest("a@b.c\r\nBcc: x@y.z", "d@e.f", "h"), "alert.mail_address"),
            (MailRequest("a@b.c>\nRCPT TO:<x@y.z", "d@e.f", "h"), "alert.mail_address"),
            (MailRequest("ä@b.c", "d@e.f", "h"), "alert.mail_address"),
            (MailRequest("a@b.c, d@e.f", "d@e.f", "h"), "alert.mail_address"),
            (MailRequest("=?utf-8?q?=0ABcc:_x@y.z?= <a@b.c>", "d@e.f", "h"), "alert.mail_address"),
            (MailRequest(f"a@{'b' * 300}.c", "d@e.f", "h"), "alert.mail_address"),
            (MailRequest("a@b.c", "d@e.f", "https://mail"), "alert.server"),
            (MailRequest("a@b.c", "d@e.f", "mail:99999"), "alert.server"),
            (MailRequest("a@b.c", "d@e.f", "mail:0"), "alert.server"),
            (MailRequest("a@b.c", "d@e.f", "mail one"), "alert.server"),
        ],
    )
    def test_what_is_refused(self, request_: MailRequest, code: str) -> None:
        with pytest.raises(UsageError) as error:
            request_.terms()
        assert error.value.code == code

    @pytest.mark.parametrize(
        ("encryption", "server", "stored"),
        [
            (Encryption.STARTTLS, "Mail.Example.org", "mail.example.org:587"),
            (Encryption.TLS, "mail.example.org", "mail.example.org:465"),
            (Encryption.NONE, "10.0.0.5", "10.0.0.5:25"),
            (Encryption.NONE, "[2001:db8::1]:26", "[2001:db8::1]:26"),
        ],
    )
    def test_ports(self, encryption: Encryption, server: str, stored: str) -> None:
        shown = MailRequest("a@b.c", "d@e.f", server, encryption).terms().shown
        assert shown["server"] == stored
        assert mail_channel(shown, None).server.encryption is encryption

    @pytest.mark.parametrize("content", [b"", b"\n", b"a\nb\n", b"\xff\xfe", b"a\0b", b"x" * 2000])
    def test_what_is_no_password(self, content: bytes) -> None:
        with pytest.raises(UsageError) as error:
            read_password(content)
        assert error.value.code == "alert.password"

    def test_passwords(self) -> None:
        for content in (b" pass word \r\n", b"\xef\xbb\xbf pass word \n"):
            assert read_password(content) == Secret(b" pass word ")

    def test_another_user_does_not_get_the_password(self) -> None:
        first = MailRequest("a@b.c", "d@e.f", "h", user="u", password=Secret(b"p"))
        assert first.changed(None, "other", None, None).password == Secret(b"p")
        assert first.changed(None, None, "v", None).password is None


def test_a_claim_outlasts_every_attempt() -> None:
    assert MailLimits().whole + 60 <= LONGEST_SEND_SECONDS
