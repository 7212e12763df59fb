"""Values: hosts as people write them, secrets that do not show."""

import copy
import json
import pickle
from datetime import timedelta

import pytest

from engage_server.errors import HostInvalid
from engage_server.records import Host, Secret, SwitchTerms


@pytest.mark.parametrize(
    ("text", "expected", "is_address"),
    [
        ("locks.example.org", "locks.example.org", False),
        ("Locks.Example.ORG.", "locks.example.org", False),
        (" locks ", "locks", False),
        ("my_host", "my_host", False),
        ("bücher.example", "xn--bcher-kva.example", False),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", False),
        ("10.44.68.128", "10.44.68.128", True),
        ("[FD00:0::2]", "fd00::2", True),
        ("fd00::2", "fd00::2", True),
        ("3com.example", "3com.example", False),
    ],
)
def test_hosts(text: str, expected: str, is_address: bool) -> None:
    host = Host.parse(text)
    assert (host.text, host.is_address) == (expected, is_address)
    assert Host.parse(host.text) == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        " ",
        "a..b",
        "-a.example",
        "a-.example",
        "http://a.example",
        "a.example:80",
        "10.44.68.128:80",
        "*.example.org",
        "10.44.68",
        "10.44.68.256",
        "fe80::1%eth0",
        "[::1",
        "a b",
        "a" * 64 + ".example",
        ".".join(["a" * 63] * 4),
        "a.example/x",
        "ex\u0000ample",
        "☃" * 80,
    ],
)
def test_no_hosts(text: str) -> None:
    with pytest.raises(HostInvalid, match="neither a DNS name nor"):
        Host.parse(text)


def test_addresses_in_urls() -> None:
    assert Host("fd00::2").in_url == "[fd00::2]"
    assert Host("10.0.0.1").in_url == "10.0.0.1"


def test_a_secret_shows_in_no_ordinary_way() -> None:
    secret = Secret(b"the very secret")
    for shown in (str(secret), repr(secret), f"{secret}", f"{secret!r:>30}", repr([secret]), repr({"key": secret})):
        assert "very" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        hash(secret)
    with pytest.raises(TypeError):
        vars(secret)


def test_secrets_compare_by_value() -> None:
    assert Secret(b"a") == Secret(b"a")
    assert Secret(b"a") != Secret(b"b")
    assert Secret(b"a") != b"a"


@pytest.mark.parametrize(
    ("wait", "poll", "limit"), [(1.2, 0.5, 1.2), (1.2, 2.0, 2.5), (0.1, 0.5, 1.0), (0.0, 2.0, 0.0), (30.0, 2.0, 30.0)]
)
def test_workers_that_look_seldom_get_the_time_to_look_once(wait: float, poll: float, limit: float) -> None:
    assert SwitchTerms.given(wait, poll).limit == timedelta(seconds=limit)
