"""Rules as JSON, and back."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engage_server.errors import EngageError, UsageError
from engage_server.links.policy.rules import Action, Direction, Ports, Protocol, RuleSet
from engage_server.links.policy.rules_json import policy_json, read_rules
from tests.support.lengths import examples
from tests.support.policies import needed, rule

_MANY = [f"door{number}" for number in range(1001)]


def test_what_is_printed_is_read_as_the_same_rules() -> None:
    policy = needed("10.0.0.1", "fd00::1", "locks.example.org")
    printed = json.loads(json.dumps(policy_json(policy)))
    assert read_rules(printed, "file") == policy.rules
    assert printed["default"] == {"out": "drop", "in": "drop"}
    assert printed["call_window"]["begin"] == "00:00"


def test_the_words_of_operators_are_read() -> None:
    found = read_rules(
        [
            {"direction": "OUTBOUND", "action": "ACCEPT", "protocol": "TCP", "destination": "10.0.0.1", "port": 443},
            {
                "direction": "inbound",
                "action": "deny",
                "protocol": "*",
                "source": "0.0.0.0/0",
                "destination": "10.9.9.9",
            },
            {"direction": "out", "destination": "any", "protocol": "udp", "port": "1000-2000,53"},
        ],
        "file",
    )
    assert found.rules[0] == rule("10.0.0.1", ports="443")
    assert found.rules[1] == rule("0.0.0.0/0", direction="in", action="drop", protocol="any")
    assert found.rules[2] == rule(protocol="udp", ports="1000-2000 53")
    assert found.default(Direction.IN) is Action.ALLOW


@pytest.mark.parametrize("empty", [[], {"rules": []}, {"rules": [], "default": {}}])
def test_no_rules_allow_everything(empty: object) -> None:
    assert read_rules(empty, "file").allows_everything


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("text", "no list of rules"),
        ({}, "no list of rules"),
        ({"id": "fw-1", "firewall": []}, "no list of rules"),
        ([1], "rule 1: it is no object"),
        ([{"action": "allow"}], "rule 1: direction"),
        ([{"direction": "out", "protocol": "sctp"}], "'sctp' is none of"),
        ([{"direction": "out", "protocol": "tcp", "ports": ["70000"]}], "no port"),
        ([{"direction": "out", "protocol": "tcp", "ports": ["9-1"]}], "no port"),
        ([{"direction": "out", "ports": ["80"]}], "has no ports"),
        ([{"direction": "out", "addresses": ["10.0.0.1/8"]}], "neither an address nor a network"),
        ([{"direction": "out", "names": ["a b"]}], "neither a DNS name"),
        ([{"direction": "out"}] * 501, "501 rules"),
        ([{"direction": "out", "protocol": "tcp", "ports": ["80", "81"], "names": _MANY}], "more than 2000"),
    ],
)
def test_what_cannot_be_used_is_named(wrong: object, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_rules(wrong, "file")


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["out", "tcp", "80", "10.0.0.1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["rules", "default", "direction", "action", "protocol", "ports", "addresses", "names", "out"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=examples(all=300, quick=100, campaign=1000))
@given(_JSON)
def test_any_json_is_read_or_refused_with_a_sentence(found: object) -> None:
    try:
        assert isinstance(read_rules(found, "file"), RuleSet)
    except EngageError as error:
        assert error.sentence


def test_all_ports_are_no_limit() -> None:
    (found,) = read_rules([{"direction": "out", "protocol": "tcp", "ports": "0-65535"}], "file").rules
    assert found.ports == ()
    assert (found.protocol, Ports(1, 2)) == (Protocol.TCP, Ports(1, 2))
