"""What rules let pass, as parts of a space of ends and ports. Pure.

A part is one kind of end (IPv4, IPv6, or one name), a range of addresses of it, and a range of ports.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engage_server.errors import UsageError
from engage_server.links.policy.rules import HIGHEST_PORT, Action, Direction, Protocol, Rule, RuleSet

_MOST_PARTS = 2000
_BITS = {"4": 32, "6": 128}
_NAME = "name "


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the space of one protocol.

    Attributes:
        kind: ``4``, ``6``, or a name after ``name``.
        low, high: The addresses, as numbers, both included. 0 for a name.
        first, last: The ports, both included.
    """

    kind: str
    low: int
    high: int
    first: int
    last: int

    def shared(self, other: "Part") -> "Part | None":
        """Return what two parts share. None if they share nothing."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        first, last = max(self.first, other.first), min(self.last, other.last)
        if self.kind != other.kind or low > high or first > last:
            return None
        return Part(self.kind, low, high, first, last)

    def without(self, other: "Part") -> Iterator["Part"]:
        """Yield what stays of this one, in parts that share nothing."""
        shared = self.shared(other)
        if shared is None:
            yield self
            return
        if self.low < shared.low:
            yield Part(self.kind, self.low, shared.low - 1, self.first, self.last)
        if shared.high < self.high:
            yield Part(self.kind, shared.high + 1, self.high, self.first, self.last)
        if self.first < shared.first:
            yield Part(self.kind, shared.low, shared.high, self.first, shared.first - 1)
        if shared.last < self.last:
            yield Part(self.kind, shared.low, shared.high, shared.last + 1, self.last)


def parts_of(rule: Rule, protocol: Protocol, names: Sequence[str]) -> list[Part]:
    """Return what a rule is about, of one protocol. Empty if it is about others.

    Args:
        rule: The rule.
        protocol: ``tcp``, ``udp`` or ``icmp``.
        names: All names that occur anywhere: a rule for everywhere is about each of them, too.
    """
    if rule.protocol not in (protocol, Protocol.ANY):
        return []
    ends = [(f"{_NAME}{name}", 0, 0) for name in rule.names]
    ends += [(str(net.version), int(net.network_address), int(net.broadcast_address)) for net in rule.networks]
    if rule.is_everywhere:
        ends = _everywhere(names)
    ports = [(each.first, each.last) for each in rule.ports] or [(0, HIGHEST_PORT)]
    return [Part(*end, *range_) for end in ends for range_ in ports]


def whole(names: Sequence[str]) -> list[Part]:
    """Return the whole space of a protocol."""
    return [Part(*end, 0, HIGHEST_PORT) for end in _everywhere(names)]


def passing(
    rules: RuleSet, direction: Direction, protocol: Protocol, names: Sequence[str]
) -> Iterator[tuple[Rule | None, list[Part]]]:
    """Yield each rule that lets something pass, with what it lets pass that no earlier rule decided.

    The rule is None for the default.

    Raises:
        UsageError: The rules are too entangled to be compared.
    """
    undecided = whole(names)
    for rule in rules.of(direction):
        about = parts_of(rule, protocol, names)
        if not about:
            continue
        if rule.action is Action.ALLOW:
            yield rule, shared(undecided, about)
        undecided = minus(undecided, about)
    if rules.default(direction) is Action.ALLOW:
        yield None, undecided


def shared(parts: Iterable[Part], others: Sequence[Part]) -> list[Part]:
    """Return what both are about. Parts of the result may share something."""
    return [found for part in parts for other in others if (found := part.shared(other)) is not None]


def minus(parts: Iterable[Part], others: Iterable[Part]) -> list[Part]:
    """Return what is left of the first ones.

    Raises:
        UsageError: It falls into too many parts.
    """
    left = list(parts)
    for other in others:
        left = [piece for part in left for piece in part.without(other)]
        if len(left) > _MOST_PARTS:
            raise UsageError(
                f"the rules overlap so much that they fall into more than {_MOST_PARTS} parts",
                "Compare fewer rules at once, or join rules for neighbouring networks.",
            )
    return left


def _everywhere(names: Sequence[str]) -> list[tuple[str, int, int]]:
    ends = [(kind, 0, (1 << bits) - 1) for kind, bits in _BITS.items()]
    return ends + [(f"{_NAME}{name}", 0, 0) for name in names]
