"""Rules of any firewall between a site's doors and everything else. Pure.

1. A rule is about one direction, as the doors see it, and about the other end: its addresses or names.
2. Ports are those that are called: of the other end for ``out``, of a door for ``in``.
3. The first rule that matches decides. If none does, the default of the direction decides.
4. A rule is about who begins. Answers always pass.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_network
from typing import Final

from engage_server.records import IPNetwork
from engage_server.records.address import IPAddress

HIGHEST_PORT: Final = 65535


class Direction(StrEnum):
    """Who begins: a door (``out``), or the other end (``in``)."""

    OUT = "out"
    IN = "in"


class Action(StrEnum):
    """What happens to it."""

    ALLOW = "allow"
    DROP = "drop"


class Protocol(StrEnum):
    """What is carried. ``any`` is every protocol, with and without ports."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"
    ANY = "any"


@dataclass(frozen=True, slots=True, order=True)
class Ports:
    """A range of ports, both ends included."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        direction: Who begins.
        action: What happens.
        protocol: What it is about.
        networks: The other end, as networks. With no name either: everywhere.
        names: The other end, as host names whose addresses are not known here.
        ports: Which are called. Empty: all. Never set for ``icmp`` and ``any``.
        why: The reason, for people.
    """

    direction: Direction
    action: Action
    protocol: Protocol
    networks: tuple[IPNetwork, ...] = ()
    names: tuple[str, ...] = ()
    ports: tuple[Ports, ...] = ()
    why: str = ""

    @property
    def is_everywhere(self) -> bool:
        """Whether the other end may be anybody."""
        return not self.networks and not self.names


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules, and what happens where none matches.

    Attributes:
        rules: In their order.
        default_out, default_in: What happens where none matches. An empty firewall of an operator of SIMs allows all.
    """

    rules: tuple[Rule, ...] = ()
    default_out: Action = Action.ALLOW
    default_in: Action = Action.ALLOW

    def default(self, direction: Direction) -> Action:
        """Return what happens where no rule matches."""
        return self.default_out if direction is Direction.OUT else self.default_in

    def of(self, direction: Direction) -> tuple[Rule, ...]:
        """Return the rules of one direction, in their order."""
        return tuple(rule for rule in self.rules if rule.direction is direction)

    @property
    def names(self) -> tuple[str, ...]:
        """All host names in the rules, each once."""
        return tuple(dict.fromkeys(name for rule in self.rules for name in rule.names))

    def resolved(self, addresses: Mapping[str, Sequence[IPAddress]]) -> "RuleSet":
        """Return the same with addresses in place of names."""
        return replace(self, rules=tuple(_resolved(rule, addresses) for rule in self.rules))

    @property
    def allows_everything(self) -> bool:
        """Whether there is no rule, and everything passes both ways."""
        return not self.rules and self.default_out is Action.ALLOW and self.default_in is Action.ALLOW


def _resolved(rule: Rule, addresses: Mapping[str, Sequence[IPAddress]]) -> Rule:
    found = tuple(ip_network(str(address)) for name in rule.names for address in addresses.get(name, ()))
    left = tuple(name for name in rule.names if not addresses.get(name))
    return replace(rule, networks=(*rule.networks, *found), names=left)


def allowed(protocol: Protocol, ends: Iterable[IPNetwork | str], ports: Iterable[int], why: str) -> Rule:
    """Return a rule that lets doors call some ports of some ends."""
    networks, names = split_ends(ends)
    single = tuple(Ports(port, port) for port in sorted(set(ports)))
    return Rule(Direction.OUT, Action.ALLOW, protocol, networks, names, single, why)


def split_ends(ends: Iterable[IPNetwork | str]) -> tuple[tuple[IPNetwork, ...], tuple[str, ...]]:
    """Return networks and names apart, each once and in their order."""
    networks: dict[IPNetwork, None] = {}
    names: dict[str, None] = {}
    for end in ends:
        if isinstance(end, str):
            names[end] = None
        else:
            networks[end] = None
    return tuple(networks), tuple(names)
