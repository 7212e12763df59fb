"""What a site needs follows from its hosts and the ports of the settings."""

import socket
from ipaddress import ip_address, ip_network

import pytest

from engage_server.errors import NotPossible
from engage_server.links.policy.resolving import addresses_of
from engage_server.links.policy.rules import Action, Direction
from engage_server.links.policy.words import of_rule
from tests.support.policies import needed


def shown(*hosts: str, **asked: object) -> list[str]:
    """The rules in words."""
    return [of_rule(rule) for rule in needed(*hosts, **asked).rules.rules]


def test_doors_call_both_ports_of_each_host_and_nobody_calls_them() -> None:
    policy = needed("10.0.0.1", "fd00::1")
    assert [of_rule(rule) for rule in policy.rules.rules] == [
        "tcp port 80 to 10.0.0.1, fd00::1",
        "tcp port 443 to 10.0.0.1, fd00::1",
    ]
    assert policy.rules.of(Direction.IN) == ()
    assert (policy.rules.default_in, policy.rules.default_out) == (Action.DROP, Action.DROP)


def test_each_port_is_that_of_the_settings() -> None:
    assert shown("10.0.0.1", plain_port=8080, tls_port=8443) == [
        "tcp port 8080 to 10.0.0.1",
        "tcp port 8443 to 10.0.0.1",
    ]


def test_all_addresses_of_a_name_are_allowed_and_not_the_first_alone() -> None:
    addresses = [ip_address(each) for each in ("192.0.2.7", "192.0.2.8", "2001:db8::7")]
    for rule in shown("locks.example.org", addresses={"locks.example.org": addresses})[:2]:
        assert rule.endswith("to 192.0.2.7, 192.0.2.8, 2001:db8::7")


def test_a_resolver_that_knows_several_addresses_is_believed_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer of a resolver in the form of the C library: each address several times, a scope behind one."""
    kinds = [(socket.AF_INET6, ("2001:db8::7", 0, 0, 0)), (socket.AF_INET, ("192.0.2.8", 0))]
    kinds += [(socket.AF_INET, ("192.0.2.7", 0)), (socket.AF_INET, ("192.0.2.7", 0))]
    answer = [(kind, socket.SOCK_STREAM, 6, "", end) for kind, end in kinds]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **named: answer)
    assert addresses_of(["locks.example.org"]) == {
        "locks.example.org": tuple(map(ip_address, ("192.0.2.7", "192.0.2.8", "2001:db8::7")))
    }


def test_only_names_need_dns() -> None:
    assert shown("locks.example.org", "10.0.0.1") == [
        "tcp port 80 to 10.0.0.1, locks.example.org",
        "tcp port 443 to 10.0.0.1, locks.example.org",
        "udp port 53 to anywhere",
        "tcp port 53 to anywhere",
    ]
    assert shown("locks.example.org", resolvers=[ip_network("10.0.0.53")])[2:] == [
        "udp port 53 to 10.0.0.53",
        "tcp port 53 to 10.0.0.53",
    ]


def test_resolved_names_are_addresses_and_still_need_dns() -> None:
    found = shown("locks.example.org", addresses={"locks.example.org": [ip_address("192.0.2.7")]})
    assert found[0] == "tcp port 80 to 192.0.2.7"
    assert found[2] == "udp port 53 to anywhere"


def test_this_machine_is_no_host_that_doors_call() -> None:
    assert shown("localhost", "127.0.0.1", "10.0.0.1")[0] == "tcp port 80 to 10.0.0.1"
    with pytest.raises(NotPossible, match="this machine alone"):
        needed("localhost", "127.0.0.1")


def test_another_tls_port_is_told() -> None:
    assert any("8443" in note for note in needed("10.0.0.1", tls_port=8443).notes)
    assert not any("virtual locks" in note for note in needed("10.0.0.1").notes)
