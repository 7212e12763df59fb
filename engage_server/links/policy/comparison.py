"""The difference between what a site needs and the rules that somebody has. Pure.

1. What the site needs and the rules drop cuts doors off: an error.
2. What the rules let pass and the site does not need is an opening: a warning. One finding for each rule.
3. No rule at all, where everything passes both ways, is one separate finding, in place of all openings.
4. A host is a name, and the rules have addresses, or the reverse: then nobody knows. That is a warning.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from engage_server.links.policy.needs import Policy
from engage_server.links.policy.rules import Action, Direction, Protocol, Rule, RuleSet
from engage_server.links.policy.spaces import Part, minus, parts_of, passing
from engage_server.links.policy.words import of_rule

_PROTOCOLS = (Protocol.TCP, Protocol.UDP, Protocol.ICMP)


class Level(StrEnum):
    """How serious a difference is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        level: How serious it is.
        code: A stable code: ``policy.missing``, ``policy.unneeded``, ``policy.everything_allowed`` or
            ``policy.not_resolved``.
        sentence: What is different.
        next_step: What to do.
    """

    level: Level
    code: str
    sentence: str
    next_step: str


def differences(policy: Policy, have: RuleSet) -> list[Difference]:
    """Return how the rules differ from what a site needs, the errors first.

    Raises:
        UsageError: The rules are too entangled to be compared.
    """
    names = tuple(dict.fromkeys([*policy.names, *have.names]))
    found = list(_missing(policy, have, names))
    if have.allows_everything:
        found.append(
            Difference(
                Level.WARNING,
                "policy.everything_allowed",
                "there is no rule, and so everything is allowed, in and out",
                "Add the rules that the site needs, then let everything else be dropped.",
            )
        )
        return found
    return found + list(_openings(policy, have, names))


def _missing(policy: Policy, have: RuleSet, names: Sequence[str]) -> Iterator[Difference]:
    for needed in policy.rules.of(Direction.OUT):
        left = parts_of(needed, needed.protocol, names)
        for _, let_through in passing(have, Direction.OUT, needed.protocol, names):
            left = minus(left, let_through)
        if not left:
            continue
        if all(_may_be_meant(part, needed, have) for part in left):
            yield _not_resolved(needed)
        else:
            yield Difference(
                Level.ERROR,
                "policy.missing",
                f"doors would be cut off: the rules do not allow {of_rule(needed)}",
                "Add it before the rules that drop.",
            )


def _may_be_meant(part: Part, needed: Rule, have: RuleSet) -> bool:
    """Whether some rule allows these ports of an end that is written the other way: a name here, an address there."""
    is_name = part.kind not in ("4", "6")
    return any(
        rule.action is Action.ALLOW
        and rule.protocol in (needed.protocol, Protocol.ANY)
        and bool(rule.networks if is_name else rule.names)
        and (not rule.ports or any(each.first <= part.first and part.last <= each.last for each in rule.ports))
        for rule in have.of(Direction.OUT)
    )


def _not_resolved(needed: Rule) -> Difference:
    return Difference(
        Level.WARNING,
        "policy.not_resolved",
        f"whether the rules allow {of_rule(needed)} is not known: one side has a name, and the other one addresses",
        "Compare again with --resolve.",
    )


def _openings(policy: Policy, have: RuleSet, names: Sequence[str]) -> Iterator[Difference]:
    for direction in Direction:
        unneeded: dict[Rule | None, None] = {}
        for protocol in _PROTOCOLS:
            needed = [part for rule in policy.rules.of(direction) for part in parts_of(rule, protocol, names)]
            for rule, let_through in passing(have, direction, protocol, names):
                if _left(let_through, needed):
                    unneeded[rule] = None
        # an order that the reader knows: that of the rules, and the default last
        yield from (_opening(direction, rule, have) for rule in [*have.of(direction), None] if rule in unneeded)


def _left(let_through: Sequence[Part], needed: Sequence[Part]) -> bool:
    return bool(minus(let_through, needed))


def _opening(direction: Direction, rule: Rule | None, have: RuleSet) -> Difference:
    if rule is None:
        sentence = f"whatever no rule names is allowed {direction}"
        return Difference(Level.WARNING, "policy.unneeded", sentence, "Let the default drop.")
    number = have.rules.index(rule) + 1
    sentence = f"rule {number} allows more than the site needs: {of_rule(rule)}"
    return Difference(Level.WARNING, "policy.unneeded", sentence, "Remove it, or make it narrower.")
