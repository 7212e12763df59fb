"""Webhooks: how they are signed, where they go, and what a receiver can do to us."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import socket
from time import monotonic
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from engage_server.errors import StoreNotUsable, UsageError
from engage_server.records import ChannelKind, Secret
from engage_server.services.alerts.channel import TAKEN, Delivery, Outcome
from engage_server.services.alerts.channels.web.sending import WebhookChannel
from engage_server.services.alerts.channels.web.signing import new_signing_key, read_signing_keys
from engage_server.services.alerts.channels.web.terms import WebRequest, web_channel
from tests.support.alert_peers.certificates import Certified, certified
from tests.support.alert_peers.raw_server import RawServer
from tests.support.alert_peers.receiver import OK, Got, Receiver, answering
from tests.support.alerts import entry

CANARY = "canary-of-an-address"
KEY = Secret(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


def channel(
    url: str,
    *keys: Secret,
    kind: ChannelKind = ChannelKind.WEBHOOK,
    inside: bool = True,
    trust: str = "",
    seconds: float = 5,
) -> WebhookChannel:
    is_secret = CANARY in url and url.startswith("https")
    terms = WebRequest(kind, Secret(url.encode()), is_secret, keys, inside, trust).terms()
    assert not is_secret or CANARY not in str(terms)
    return web_channel(kind, terms.shown, terms.secret, lambda: datetime.now(UTC), seconds)


@contextmanager
def receiving(receiver: Receiver) -> Iterator[int]:
    with RawServer(receiver) as server:
        yield server.port


def send(receiver: Receiver, *keys: Secret, seconds: float = 5) -> Delivery:
    with receiving(receiver) as port:
        return channel(f"http://127.0.0.1:{port}/hook", *(keys or (KEY,)), seconds=seconds).send(entry(), lambda: True)


def verify(got: Got, key: Secret = KEY) -> Any:
    return Webhook(key.reveal().decode()).verify(got.body, got.fields)


class TestSigning:
    """The reference library of Standard Webhooks is the judge."""

    def test_it_verifies_what_we_send(self) -> None:
        receiver, of = Receiver(), entry()
        with receiving(receiver) as port:
            assert channel(f"http://127.0.0.1:{port}/hook", KEY).send(of, lambda: True) == Delivery(Outcome.SENT)
        (got,) = receiver.got
        assert got.line == "POST /hook HTTP/1.1"
        assert got.fields["webhook-id"] == of.id
        assert got.fields["content-type"] == "application/json"
        assert verify(got) == {
            "type": "alert.morning",
            "timestamp": of.made_at.isoformat(),
            "data": {
                "id": of.id,
                "kind": "morning",
                "site": None,
                "period": "2026-11-27",
                "subject": "main: 3 doors at risk",
                "text": "three doors\n",
                "facts": {"doors": 3},
                "is_whole": True,
            },
        }

    def test_any_change_is_seen(self) -> None:
        receiver = Receiver()
        send(receiver)
        (got,) = receiver.got
        for changed in (
            replace(got, body=got.body.replace(b"3", b"0")),
            replace(got, fields={**got.fields, "webhook-id": "msg_other"}),
            replace(got, fields={**got.fields, "webhook-timestamp": str(int(got.fields["webhook-timestamp"]) + 1)}),
        ):
            with pytest.raises(WebhookVerificationError):
                verify(changed)
        with pytest.raises(WebhookVerificationError):
            verify(got, new_signing_key())

    def test_two_keys_sign_while_a_receiver_changes(self) -> None:
        receiver, other = Receiver(), new_signing_key()
        send(receiver, other, KEY)
        assert verify(receiver.got[0]) == verify(receiver.got[0], other)

    def test_each_attempt_has_the_same_id_and_body(self) -> None:
        receiver, of = Receiver(), entry()
        with receiving(receiver) as port:
            hook = channel(f"http://127.0.0.1:{port}/hook", KEY)
            hook.send(of, lambda: True)
            replace(hook, now=lambda: datetime.now(UTC) + timedelta(hours=1)).send(of, lambda: True)
        first, second = receiver.got
        assert (first.body, first.fields["webhook-id"]) == (second.body, second.fields["webhook-id"])
        assert first.fields["webhook-signature"] != second.fields["webhook-signature"]

    @pytest.mark.parametrize(
        "content",
        [b"", b"secret", b"whsec_", b"whsec_!!!!", b"whsec_c2hvcnQ=", b"whsec_" + b"A" * 200, KEY.reveal() + b" x"],
    )
    def test_what_is_no_key(self, content: bytes) -> None:
        with pytest.raises(UsageError) as error:
            read_signing_keys(content)
        assert error.value.code == "alert.signing_key"
        assert not content or content.decode() not in str(error.value) + error.value.next_step.replace("whsec_ and", "")

    def test_keys_are_read(self) -> None:
        made = new_signing_key()
        assert read_signing_keys(made.reveal() + b"\r\n") == [made]
        assert read_signing_keys(made.reveal() + b"\n" + KEY.reveal() + b"\n") == [made, KEY]

    def test_a_long_alert_goes_without_its_facts(self) -> None:
        receiver = Receiver()
        message = replace(entry().message, text="ü" * 500_000, facts={"x": "y" * 500_000})
        with receiving(receiver) as port:
            hook = channel(f"http://127.0.0.1:{port}/", KEY)
            assert hook.send(replace(entry(), message=message), lambda: True).outcome is Outcome.SENT
        (got,) = receiver.got
        assert len(got.body) < 256 * 1024
        assert verify(got)["data"]["is_whole"] is False


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *(("200 OK", Outcome.SENT), ("202 Accepted", Outcome.SENT), ("204 No Content", Outcome.SENT)),
        *(("301 Moved", Outcome.AGAIN), ("302 Found", Outcome.AGAIN), ("307 Temporary", Outcome.AGAIN)),
        *(
            ("400 Bad", Outcome.AGAIN),
            ("401 No", Outcome.AGAIN),
            ("404 None", Outcome.AGAIN),
            ("410 Gone", Outcome.REFUSED),
        ),
        *(("429 Slow", Outcome.AGAIN), ("500 Broken", Outcome.AGAIN), ("799 " + CANARY, Outcome.AGAIN)),
    ],
)
def test_what_an_answer_means(status: str, outcome: Outcome) -> None:
    elsewhere = Receiver()
    with receiving(elsewhere) as port:
        location = f"Location: http://127.0.0.1:{port}/elsewhere"
        delivery = send(Receiver(answering(status, location, body=CANARY.encode())))
    assert delivery.outcome is outcome
    assert bool(delivery.why and delivery.fix) is (outcome is not Outcome.SENT)
    assert CANARY not in str(delivery), "a receiver's words are in no log"
    assert not elsewhere.got, "no redirect is followed"


@pytest.mark.parametrize(
    ("status", "field", "seconds"),
    [
        ("429 Slow", "Retry-After: 120", 120),
        ("503 Away", "retry-after: 30 ", 30),
        ("503 Away", "Retry-After: 999999", 86_400),
        ("503 Away", "Retry-After: 99999999999999999999", None),
        ("503 Away", "Retry-After: -5", None),
        ("503 Away", "Retry-After: Fri, 27 Nov 2026 09:00:00 GMT", None),
        ("500 Broken", "Retry-After: 120", None),
        ("429 Slow", "X: y", None),
    ],
)
def test_a_receiver_may_ask_for_time(status: str, field: str, seconds: int | None) -> None:
    before = datetime.now(UTC)
    delivery = send(Receiver(answering(status, field)))
    assert delivery.outcome is Outcome.AGAIN
    if seconds is None:
        assert delivery.not_before is None
    else:
        assert delivery.not_before is not None
        assert timedelta(seconds=seconds) <= delivery.not_before - before < timedelta(seconds=seconds + 30)


def _silent(_connection: socket, stopped: threading.Event) -> None:
    stopped.wait(10)


def _hang_up(connection: socket, _stopped: threading.Event) -> None:
    connection.close()


def _byte_by_byte(connection: socket, stopped: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not stopped.wait(0.05):
        connection.sendall(b"x")


def _interim_for_ever(connection: socket, stopped: threading.Event) -> None:
    while not stopped.wait(0.01):
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")


def _gigabyte(connection: socket, stopped: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    for _ in range(1024):
        if not stopped.is_set():
            connection.sendall(b"x" * 1024 * 1024)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (_silent, Outcome.AGAIN),
        (_hang_up, Outcome.AGAIN),
        (_byte_by_byte, Outcome.AGAIN),
        (_interim_for_ever, Outcome.AGAIN),
        (_gigabyte, Outcome.SENT),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", Outcome.AGAIN),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n", Outcome.AGAIN),
        (b"220 mail.example.org ESMTP\r\n", Outcome.AGAIN),
        (b"HTTP/1.1 abc\r\n\r\n", Outcome.AGAIN),
        (b"\0" * 100_000, Outcome.AGAIN),
        (b"HTTP/1.1 101 Switching\r\n\r\n", Outcome.AGAIN),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, Outcome.SENT),
    ],
)
def test_a_bad_receiver_costs_little_time(answer: Any, outcome: Outcome) -> None:
    begun = monotonic()
    assert send(Receiver(answer), seconds=0.7).outcome is outcome
    assert monotonic() - begun < 8


def test_a_handshake_that_drips_is_left_in_time() -> None:
    def drip(connection: socket, stopped: threading.Event) -> None:
        connection.recv(100)
        connection.sendall(b"\x16\x03\x03\x40\x00")
        while not stopped.wait(0.05):
            connection.sendall(b"\x02")

    begun = monotonic()
    with RawServer(drip) as server:
        delivery = channel(f"https://localhost:{server.port}/{CANARY}", KEY, seconds=0.7).send(entry(), lambda: True)
    assert delivery.outcome is Outcome.AGAIN
    assert monotonic() - begun < 8
    assert CANARY not in str(delivery)


def test_somebody_else_has_it_or_the_store_is_away() -> None:
    def away() -> bool:
        raise StoreNotUsable("away")

    receiver = Receiver()
    with receiving(receiver) as port:
        hook = channel(f"http://127.0.0.1:{port}/hook", KEY)
        assert hook.send(entry(), lambda: False) == TAKEN
        with pytest.raises(StoreNotUsable):
            hook.send(entry(), away)
    assert not receiver.got


class TestTls:
    """The certificate must be the receiver's. Nothing is sent before."""

    @pytest.mark.parametrize(
        ("certificate", "trusted", "host", "why"),
        [
            (certified(), certified(), "localhost", ""),
            (certified(), certified(), "127.0.0.1", ""),
            (certified("hooks.example.org"), certified("hooks.example.org"), "localhost", "mismatch"),
            (certified(days=-1), certified(days=-1), "localhost", "expired"),
            (certified(), None, "localhost", "self-signed"),
        ],
        ids=["right", "address", "another name", "too old", "not trusted"],
    )
    def test_certificates(
        self, tmp_path: Path, certificate: Certified, trusted: Certified | None, host: str, why: str
    ) -> None:
        receiver = Receiver(context=certificate.context(tmp_path))
        with receiving(receiver) as port:
            hook = channel(f"https://{host}:{port}/{CANARY}", KEY, trust=trusted.pem if trusted else "")
            delivery = hook.send(entry(), lambda: True)
        assert (delivery.outcome is Outcome.SENT) is (not why)
        assert why in delivery.why
        assert CANARY not in str(delivery)
        assert bool(receiver.got) is (not why)

    def test_only_the_path_is_sent(self, tmp_path: Path) -> None:
        receiver = Receiver(context=certified().context(tmp_path))
        with receiving(receiver) as port:
            url = f"https://localhost:{port}/services/{CANARY}?sig=1%2F2"
            for kind in (ChannelKind.SLACK, ChannelKind.TEAMS):
                assert channel(url, kind=kind, trust=certified().pem).send(entry(), lambda: True) == Delivery(
                    Outcome.SENT
                )
        assert [got.line for got in receiver.got] == [f"POST /services/{CANARY}?sig=1%2F2 HTTP/1.1"] * 2
        assert receiver.got[0].fields["host"] == f"localhost:{port}"
        assert not any(name.startswith("webhook-") for got in receiver.got for name in got.fields)
        assert json.loads(receiver.got[0].body)["text"] == "main: 3 doors at risk"
        assert json.loads(receiver.got[1].body)["type"] == "message"
