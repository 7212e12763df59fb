"""What a site needs, for tests of its firewall."""

from ipaddress import ip_network
from typing import Any

from engage_server.links.policy.call_window import CallWindow
from engage_server.links.policy.needs import Asked, Policy, policy_of
from engage_server.links.policy.rules import Action, Direction, Ports, Protocol, Rule
from engage_server.records import Host

WINDOW = CallWindow(0, 240, "UTC", 0)


def needed(*hosts: str, **asked: Any) -> Policy:
    """What a site with these hosts needs."""
    values: dict[str, Any] = {"plain_port": 80, "tls_port": 443, "window": WINDOW}
    return policy_of(Asked("depot", [Host.parse(host) for host in hosts], **values | asked))


def rule(  # as many as a rule has
    *ends: str,
    direction: str = "out",
    action: str = "allow",
    protocol: str = "tcp",
    ports: str = "",
    names: tuple[str, ...] = (),
) -> Rule:
    """A rule; ports such as ``80 8000-8100``."""
    ranges = [(each.partition("-")[0], each.partition("-")[2]) for each in ports.split()]
    return Rule(
        Direction(direction),
        Action(action),
        Protocol(protocol),
        tuple(ip_network(end) for end in ends),
        names,
        tuple(Ports(int(first), int(last or first)) for first, last in ranges),
    )
