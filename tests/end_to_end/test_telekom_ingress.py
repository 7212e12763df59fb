"""The running ingress and Apache WSS4J as the calling portal, which also verifies what it is answered."""

import datetime as dt
from collections.abc import Iterator

import pytest

from engage_server.links.telekom.messages.signing import sign
from tests.support.chains import NOW
from tests.support.signed_messages import NOTIFICATION, soap
from tests.support.telekom_ingress import TelekomIngress, telekom_ingress
from tests.support.telekom_links import ICCID, parties
from tests.support.wss4j import Wss4j, wss4j

PORTAL, US = parties(NOW)
pytestmark = pytest.mark.long("tests/unit/links/telekom/notifications, without processes and without Java")


@pytest.fixture(scope="module")
def ingress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TelekomIngress]:
    with telekom_ingress(tmp_path_factory.mktemp("telekom"), ENGAGE_WORKERS="2") as running:
        yield running


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, ingress: TelekomIngress) -> Iterator[Wss4j]:
    with wss4j(PORTAL, US, tmp_path_factory.mktemp("wss4j")) as judge:
        yield judge


def test_wss4j_calls_and_verifies_our_signed_answer(ingress: TelekomIngress, portal: Wss4j) -> None:
    """Twice the same notification, each signed newly, on both addresses: one key of an event, and one answer."""
    answers = [ingress.post(portal.sign(soap()), f"/telekom/ta/{name}") for name in ("m2madmcl", "m2mmoncl")]
    for status, answer in answers:
        assert status == 200
        assert len(portal.verify(answer)) == 2
        assert f">{ICCID}<".encode() in answer
    found = [each for each in ingress.events() if each.get("message") == "M2MAdmResponse"]
    assert len({each["key"] for each in found}) == 1


def test_what_was_sent_twice_is_refused_by_every_worker(ingress: TelekomIngress) -> None:
    content = sign(soap(NOTIFICATION.replace("ACTIVE", "ONCE")), PORTAL, dt.datetime.now(dt.UTC))
    statuses = [ingress.post(content)[0] for _ in range(12)]  # each on a new connection, so that both get some
    assert sorted(statuses) == [200] + [500] * 11


def test_who_is_not_the_portal_learns_nothing(ingress: TelekomIngress) -> None:
    before = len(ingress.events())
    answers = [ingress.post(content) for content in (b"<a/>", sign(soap(), US, dt.datetime.now(dt.UTC)))]
    assert set(answers) == {(500, answers[0][1])}
    assert b"faultstring>The message was refused.<" in answers[0][1]
    assert len(ingress.events()) == before
    log = ingress.running.log
    assert "wsse.not_soap" in log
    assert "wsse.token_not_pinned" in log
    assert "Traceback" not in log


@pytest.mark.parametrize(
    ("path", "status"), [("/telekom/pe/m2madmcl", 404), ("/telekom/ta/m2madm", 404), ("/telekom/ta/m2madmcl", 500)]
)
def test_the_addresses_of_the_other_environment_are_not_here(ingress: TelekomIngress, path: str, status: int) -> None:
    assert ingress.post(b"<a/>", path)[0] == status


def test_a_body_that_is_too_long_is_not_read(ingress: TelekomIngress) -> None:
    assert ingress.post(b"<a>" + b" " * 300_000)[0] == 413
