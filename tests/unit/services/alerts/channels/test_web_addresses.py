"""Which addresses a webhook may have, judged where it is connected to."""

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from engage_server.errors import UsageError
from engage_server.records import ChannelKind, Secret
from engage_server.services.alerts.channel import Outcome
from engage_server.services.alerts.channels.web.allowed_addresses import why_forbidden
from engage_server.services.alerts.channels.web.target import Target
from engage_server.services.alerts.channels.web.terms import WebRequest, web_channel
from tests.support.alert_peers.raw_server import RawServer
from tests.support.alert_peers.receiver import Receiver
from tests.support.alerts import entry
from tests.support.chains import NOW

NEVER = [
    *("169.254.169.254", "169.254.0.1", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
    *("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd20:ce::254", "::a9fe:a9fe"),
    *("0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "239.1.2.3", "ff02::1", "255.255.255.255", "240.0.0.1"),
]
INSIDE = [
    *("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::7f00:1"),
    *("10.0.0.5", "172.16.3.4", "192.168.1.1", "fd12:3456::1", "100.64.0.1", "fec0::1", "::ffff:10.0.0.5"),
]
OUTSIDE = ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "2001:4860:4860::8888"]


@pytest.mark.parametrize("address", NEVER)
def test_some_are_never_called(address: str) -> None:
    assert why_forbidden(ip_address(address), may_be_inside=True)
    assert why_forbidden(ip_address(address), may_be_inside=False)


@pytest.mark.parametrize("address", INSIDE)
def test_those_inside_are_called_if_the_operator_said_so(address: str) -> None:
    assert why_forbidden(ip_address(address), may_be_inside=False)
    assert not why_forbidden(ip_address(address), may_be_inside=True)


@pytest.mark.parametrize("address", OUTSIDE)
def test_others_are_called(address: str) -> None:
    assert not why_forbidden(ip_address(address), may_be_inside=False)


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks.example.org", "ftp://hooks.example.org/", "file:///etc/passwd", "https://", "https:///x"),
        *("https://host:0/", "https://host:99999/", "https://host:x/", "https://ho st/", "https://host/a b"),
        *("https://host/\r\nX: y", "https://host/\x00", "https://host/#part", "https://hö\u200bst/ü", "https://host/ü"),
        *(
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://169.254.43518/",
            "https://[fe80::1%25eth0]/",
        ),
        *("https://user:pass@host/", "https://host\\@evil.example/", "https://@host/", "https://h/" + "x" * 3000),
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(UsageError) as error:
        Target.parse(url)
    assert error.value.code == "alert.address"
    assert "pass" not in str(error.value).replace("password", ""), "it may be a secret"


@pytest.mark.parametrize(
    ("url", "shown", "path"),
    [
        ("https://Hooks.Example.org", "hooks.example.org", "/"),
        ("HTTPS://hooks.example.org:443/a?b=c", "hooks.example.org", "/a?b=c"),
        ("http://hooks.example.org:8080/a", "hooks.example.org:8080", "/a"),
        ("https://[2606:4700:0::1111]:444/", "[2606:4700::1111]:444", "/"),
    ],
)
def test_addresses(url: str, shown: str, path: str) -> None:
    target = Target.parse(url)
    assert (target.shown, target.path) == (shown, path)


@pytest.mark.parametrize("address", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "0.0.0.0"])
@pytest.mark.parametrize("inside", [False, True])
def test_none_is_added_that_is_never_called(address: str, inside: bool) -> None:
    with pytest.raises(UsageError) as error:
        _request(f"http://{address}/latest/meta-data", inside=inside).terms()
    assert error.value.code == "alert.address"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.5", "[::1]", "[::ffff:10.0.0.5]"])
def test_one_inside_is_added_with_a_word(address: str) -> None:
    with pytest.raises(UsageError) as error:
        _request(f"http://{address}/").terms()
    assert error.value.code == "alert.address_inside"
    assert "--inside" in error.value.next_step
    assert _request(f"http://{address}/", inside=True).terms().shown["inside"] == "yes"


@pytest.mark.parametrize(
    ("url", "is_secret"), [("http://hooks.example.org/", True), ("https://hooks.example.org/?key=1", False)]
)
def test_a_secret_needs_tls_and_a_file(url: str, is_secret: bool) -> None:
    with pytest.raises(UsageError):
        WebRequest(ChannelKind.WEBHOOK, Secret(url.encode()), is_secret).terms()


# names that the system reads as addresses, as well as a name whose answer changed since it was added
@pytest.mark.parametrize("host", ["localhost", "0x7f000001", "rebound.example.org"])
def test_a_name_is_judged_where_it_leads(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its addresses are looked up once, and the one that was judged is the one that is called."""
    looked_up = _looking_up(monkeypatch, {"rebound.example.org": ["127.0.0.1"]})
    receiver = Receiver()
    with RawServer(receiver) as server:
        outside = _channel(f"http://{host}:{server.port}/").send(entry(), lambda: True)
        assert outside.outcome is Outcome.AGAIN
        assert "is inside" in outside.why
        assert not receiver.got
        allowed = _channel(f"http://{host}:{server.port}/", inside=True).send(entry(), lambda: True)
    assert allowed.outcome is Outcome.SENT
    assert looked_up == [host] * 2, "once for each attempt"


@pytest.mark.parametrize("inside", [False, True])
def test_a_name_that_leads_to_a_cloud_is_not_called(inside: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    _looking_up(monkeypatch, {"hooks.example.org": ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1%1"]})
    delivery = _channel("http://hooks.example.org/", inside=inside).send(entry(), lambda: True)
    assert delivery.outcome is Outcome.AGAIN
    assert "link-local" in delivery.why


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver()
    with RawServer(receiver) as server:
        _looking_up(monkeypatch, {"hooks.example.org": ["169.254.169.254", "127.0.0.1"]})
        delivery = _channel(f"http://hooks.example.org:{server.port}/", inside=True).send(entry(), lambda: True)
    assert delivery.outcome is Outcome.SENT


def _looking_up(monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]]) -> list[str]:
    """Answer for these names as a name server of somebody else would. Return the names that are looked up."""
    real, looked_up = socket.getaddrinfo, []

    def look_up(host: str, port: int, *arguments: Any, **options: Any) -> Any:
        looked_up.append(host)
        found = [real(address, port, *arguments, **options) for address in names.get(host, [host])]
        return [each for of in found for each in of]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return looked_up


def _request(url: str, *, inside: bool = False) -> WebRequest:
    return WebRequest(ChannelKind.WEBHOOK, Secret(url.encode()), is_url_secret=False, may_be_inside=inside)


def _channel(url: str, *, inside: bool = False) -> Any:
    terms = _request(url, inside=inside).terms()
    return web_channel(ChannelKind.WEBHOOK, terms.shown, terms.secret, lambda: NOW, 5)
