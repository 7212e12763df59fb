"""Reports to KPN, against a server of somebody else (the standard library's), which keeps what it got."""

import subprocess
from collections.abc import Iterator

import pytest

from engage_server.errors import NotPossible, Refused, UpstreamSilent, UsageError
from engage_server.links.kpn.sending import Endpoint, Reply, internet_endpoint, m2m_endpoint, read_reply, send
from engage_server.services.call_in.upstream_host import UpstreamAnswer
from tests.support.chains import NOW
from tests.support.kpn import DEVICE_SECRET, pack, token_of
from tests.support.partner import Partner

BODY = pack()
WHERE = Endpoint("http://127.0.0.1:1", "/x")


@pytest.fixture
def partner() -> Iterator[Partner]:
    partner = Partner().start()
    yield partner
    partner.stop()


def endpoint(partner: Partner) -> Endpoint:
    """The plain way to it."""
    return m2m_endpoint(f"127.0.0.1:{partner.port}")


def test_the_request_is_the_document_s(partner: Partner) -> None:
    send(endpoint(partner), BODY, DEVICE_SECRET, 5)
    (got,) = partner.got
    assert (got.method, got.path, got.body) == ("POST", "/ingestion/m2m/senml/v1", BODY)
    assert got.headers["Host"] == "m.m"
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Content-Length"] == str(len(BODY))
    by_coreutils = subprocess.run(["sha256sum"], input=BODY + DEVICE_SECRET.reveal(), capture_output=True, check=True)
    assert got.headers["Things-Message-Token"] == by_coreutils.stdout.decode()[:64]


def test_without_a_secret_no_token_is_sent(partner: Partner) -> None:
    send(endpoint(partner), BODY, None, 5)
    assert "Things-Message-Token" not in partner.got[0].headers


def test_over_the_internet_the_host_is_the_address_s(partner: Partner) -> None:
    send(internet_endpoint(f"{partner.url}/ingestion/ip/senml/v1"), BODY, DEVICE_SECRET, 5)
    assert (partner.got[0].path, partner.got[0].headers["Host"]) == (
        "/ingestion/ip/senml/v1",
        f"127.0.0.1:{partner.port}",
    )


def test_no_redirect_is_followed_with_the_token(partner: Partner) -> None:
    partner.mode = "redirect"
    answer = send(endpoint(partner), BODY, DEVICE_SECRET, 5)
    assert answer.status == 302
    assert len(partner.got) == 1
    with pytest.raises(Refused, match="answered 302"):
        read_reply(answer, WHERE, NOW)


def test_it_ends_in_time_and_sends_once(partner: Partner) -> None:
    partner.mode = "trickle"
    with pytest.raises(UpstreamSilent, match=r"more than 0\.5 s|in time") as raised:
        send(endpoint(partner), BODY, DEVICE_SECRET, 0.5)
    assert len(partner.got) == 1
    assert token_of(BODY, DEVICE_SECRET) not in raised.value.sentence + raised.value.next_step


def test_nobody_there_is_told(partner: Partner) -> None:
    partner.stop()
    with pytest.raises(UpstreamSilent, match="does not answer") as raised:
        send(endpoint(partner), BODY, DEVICE_SECRET, 5)
    assert "SIM of KPN Things" in raised.value.next_step


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("10.151.236.157", "http://10.151.236.157:80"),
        ("10.151.236.157:8080", "http://10.151.236.157:8080"),
        ("[fd00::1]:81", "http://[fd00::1]:81"),
    ],
)
def test_the_plain_way_needs_an_address(text: str, base: str) -> None:
    assert m2m_endpoint(text) == Endpoint(base, "/ingestion/m2m/senml/v1", "m.m")


@pytest.mark.parametrize(
    "text", ["", "m.m", "localhost", "things.example.org:80", "10.1.2", "10.1.2.3:x", "u@10.1.2.3"]
)
def test_names_are_refused_because_there_is_no_dns(text: str) -> None:
    with pytest.raises(UsageError, match="not an IP address"):
        m2m_endpoint(text)


class TestReply:
    """Our reading of the answer: the document's table of codes is lost."""

    @pytest.mark.parametrize("status", [200, 201, 202, 204])
    def test_2xx_is_accepted(self, status: int) -> None:
        assert read_reply(UpstreamAnswer(status, b"\r\n"), WHERE, NOW) == Reply(status, (), 0)

    @pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 413])
    def test_other_codes_are_final(self, status: int) -> None:
        with pytest.raises(Refused, match=f"answered {status}"):
            read_reply(UpstreamAnswer(status, b""), WHERE, NOW)

    @pytest.mark.parametrize("status", [429, 500, 502, 503])
    def test_429_and_5xx_are_worth_another_try(self, status: int) -> None:
        with pytest.raises(NotPossible, match=f"answered {status}") as raised:
            read_reply(UpstreamAnswer(status, b"", retry_seconds=60), WHERE, NOW)
        assert "60 s" in raised.value.next_step

    def test_a_downlink_is_recognised_by_its_content(self) -> None:
        reply = read_reply(UpstreamAnswer(200, b'[{"bn":"x:"},\r\n{"n":"url","vs":"y"}]\r\n'), WHERE, NOW)
        assert [(each.name, each.value) for each in reply.downlink] == [("x:url", "y")]

    @pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b"\xff"])
    def test_anything_else_is_no_downlink(self, body: bytes) -> None:
        assert read_reply(UpstreamAnswer(200, body), WHERE, NOW) == Reply(200, (), len(body))
