"""The difference between what a site needs and the rules that somebody has."""

import itertools
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engage_server.errors import UsageError
from engage_server.links.policy.comparison import differences
from engage_server.links.policy.needs import Policy
from engage_server.links.policy.rules import Action, Direction, Ports, Protocol, Rule, RuleSet
from engage_server.links.policy.spaces import Part, minus, passing, whole
from tests.support.lengths import examples
from tests.support.policies import needed, rule

CLOSED = (Action.DROP, Action.DROP)
HOST = "10.0.0.1"
GOOD = (rule(HOST, ports="80"), rule(HOST, ports="443"))


def codes(policy: Policy, rules: RuleSet) -> list[str]:
    """The codes of the differences."""
    return [each.code for each in differences(policy, rules)]


def test_the_same_rules_differ_in_nothing() -> None:
    policy = needed(HOST, "fd00::1", "locks.example.org")
    assert codes(policy, policy.rules) == []


@pytest.mark.parametrize(
    "rules",
    [
        (rule(HOST, ports="443 80"),),
        (rule(HOST, ports="80"), rule("8.8.8.8", action="drop", protocol="any"), rule(HOST, ports="443")),
        (rule("10.0.0.0/32", action="drop", protocol="any"), *GOOD),
    ],
)
def test_other_rules_for_the_same_differ_in_nothing(rules: tuple[Rule, ...]) -> None:
    assert codes(needed(HOST), RuleSet(rules, *CLOSED)) == []


def test_no_rule_is_one_finding_and_cuts_nobody_off() -> None:
    (found,) = differences(needed(HOST), RuleSet())
    assert found.code == "policy.everything_allowed"
    assert "everything is allowed, in and out" in found.sentence
    # the negative control: no rule, and nothing passes
    assert codes(needed(HOST), RuleSet((), *CLOSED)) == ["policy.missing", "policy.missing"]


def test_what_is_missing_is_an_error_that_names_it() -> None:
    (found,) = differences(needed(HOST), RuleSet(GOOD[:1], *CLOSED))
    assert (found.level, found.code) == ("error", "policy.missing")
    assert "tcp port 443 to 10.0.0.1" in found.sentence


@pytest.mark.parametrize(
    "first",
    [
        rule(HOST, action="drop", ports="443"),
        rule("10.0.0.0/8", action="drop", protocol="any"),
        rule(action="drop", ports="400-500"),
    ],
)
def test_the_first_rule_that_matches_decides(first: Rule) -> None:
    assert "policy.missing" in codes(needed(HOST), RuleSet((first, *GOOD), *CLOSED))
    assert codes(needed(HOST), RuleSet((*GOOD, first), *CLOSED)) == []


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (rule("10.0.0.2", ports="80"), "rule 3"),
        (rule("10.0.0.0/8", ports="443"), "rule 3"),
        (rule(HOST, ports="8080"), "rule 3"),
        (rule(HOST, protocol="udp"), "rule 3"),
        (rule(HOST, protocol="icmp"), "rule 3"),
        (rule(direction="in", ports="80"), "rule 3"),
        (rule(HOST, direction="in", protocol="any"), "rule 3"),
    ],
)
def test_every_opening_is_found(more: Rule, what: str) -> None:
    (found,) = differences(needed(HOST), RuleSet((*GOOD, more), *CLOSED))
    assert found.code == "policy.unneeded"
    assert what in found.sentence


def test_an_opening_behind_a_rule_that_drops_is_none() -> None:
    drop = rule(action="drop", protocol="any")
    assert codes(needed(HOST), RuleSet((*GOOD, drop, rule(HOST, ports="8080")), *CLOSED)) == []


def test_an_open_default_is_found_for_each_direction() -> None:
    sentences = [each.sentence for each in differences(needed(HOST), RuleSet(GOOD))]
    assert sentences == ["whatever no rule names is allowed out", "whatever no rule names is allowed in"]


def test_ipv4_rules_do_not_let_ipv6_through() -> None:
    policy = needed(HOST, "fd00::1")
    assert codes(policy, RuleSet((rule("0.0.0.0/0", ports="80 443"),), *CLOSED)).count("policy.missing") == 2


def test_a_name_and_an_address_cannot_be_compared() -> None:
    by_name = RuleSet((rule(names=("locks.example.org",), ports="80 443"),), *CLOSED)
    assert "policy.not_resolved" in codes(needed(HOST), by_name)
    dns = (rule(ports="53"), rule(ports="53", protocol="udp"))
    by_address = RuleSet((*GOOD, *dns), *CLOSED)
    found = codes(needed("locks.example.org"), by_address)
    assert found == ["policy.not_resolved"] * 2 + ["policy.unneeded"] * 2
    # a rule for other ports can mean nothing of it
    assert "policy.missing" in codes(needed("locks.example.org"), RuleSet((rule(HOST, ports="25"), *dns), *CLOSED))


_ENDS = st.sampled_from(["10.0.0.0/30", "10.0.0.0/31", "10.0.0.1/32", "10.0.0.2/31", "::/126", "::1/128"])
_RULES = st.builds(
    Rule,
    st.just(Direction.OUT),
    st.sampled_from(Action),
    st.sampled_from([Protocol.TCP, Protocol.ANY, Protocol.UDP]),
    st.lists(_ENDS, max_size=2).map(lambda ends: tuple(ip_network(end) for end in ends)),
    st.sampled_from([(), ("a",), ("a", "b")]),
    st.sampled_from([(), (Ports(1, 2),), (Ports(2, 2), Ports(4, 65535))]),
)


def decided(rules: RuleSet, end: str, port: int) -> bool:
    """Whether TCP passes: each rule in its order, as a firewall does it."""
    for each in rules.rules:
        if each.protocol not in (Protocol.TCP, Protocol.ANY):
            continue
        ends = each.is_everywhere or end in each.names
        if end not in ("a", "b"):
            ends = ends or any(ip_network(end).network_address in network for network in each.networks)
        if ends and (not each.ports or any(ports.first <= port <= ports.last for ports in each.ports)):
            return each.action is Action.ALLOW
    return rules.default_out is Action.ALLOW


@settings(max_examples=examples(all=300, quick=100, campaign=1000))
@given(st.lists(_RULES, max_size=5).map(tuple), st.sampled_from(Action))
def test_the_space_is_what_a_firewall_decides_for_each_packet(rules: tuple[Rule, ...], default: Action) -> None:
    have = RuleSet(rules, default, Action.DROP)
    through = [part for _, parts in passing(have, Direction.OUT, Protocol.TCP, ("a", "b")) for part in parts]
    for end, port in itertools.product(("10.0.0.0", "10.0.0.1", "10.0.0.3", "::", "::1", "a", "b"), (1, 2, 3, 4, 80)):
        number = 0 if end in ("a", "b") else int(ip_network(end).network_address)
        kind = f"name {end}" if end in ("a", "b") else str(ip_network(end).version)
        packet = Part(kind, number, number, port, port)
        assert any(packet.shared(part) for part in through) is decided(have, end, port), packet


def test_entangled_rules_end_with_an_error_and_not_in_hours() -> None:
    evens = range(0, 100, 2)
    stripes = [Part("4", end, end, port, port) for end, port in itertools.product(evens, repeat=2)]
    with pytest.raises(UsageError, match="overlap so much"):
        minus(whole(()), stripes)
