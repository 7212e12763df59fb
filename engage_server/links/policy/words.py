"""Rules in words, for tables, findings and comments. Pure."""

from engage_server.links.policy.rules import Direction, Rule
from engage_server.records import IPNetwork

_SHOWN = 4


def of_rule(rule: Rule) -> str:
    """Return a rule as part of a sentence: ``tcp port 443 to 10.0.0.1``."""
    preposition = "to" if rule.direction is Direction.OUT else "in from"
    return f"{carried(rule)} {preposition} {ends(rule)}"


def carried(rule: Rule) -> str:
    """Return protocol and ports: ``tcp port 443``."""
    if not rule.ports:
        return f"{rule.protocol} (all)"
    word = "port" if len(rule.ports) == 1 and rule.ports[0].first == rule.ports[0].last else "ports"
    return f"{rule.protocol} {word} {', '.join(map(str, rule.ports))}"


def ends(rule: Rule, most: int = _SHOWN) -> str:
    """Return the other end, some of it if there is much: ``10.0.0.1, locks.example.org and 3 more``."""
    if rule.is_everywhere:
        return "anywhere"
    all_of_them = [end(network) for network in rule.networks] + list(rule.names)
    shown = ", ".join(all_of_them[:most])
    return shown if len(all_of_them) <= most else f"{shown} and {len(all_of_them) - most} more"


def end(network: IPNetwork) -> str:
    """Return a network, and a single address without the length of its prefix."""
    return str(network.network_address if network.num_addresses == 1 else network)
