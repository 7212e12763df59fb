"""Rules as JSON that belongs to no product, and back. Pure.

A rule has the keys ``direction``, ``action``, ``protocol``, ``addresses``, ``names``, ``ports`` and ``why``. Only
``direction`` must be there.

1. Without ``action``, the rule allows.
2. Without ``protocol``, it is about all. Without ``ports``, too.
3. Without ``addresses`` and ``names``, it is about everybody.
4. Entries of an operator of SIMs may say ``destination`` (for ``in``: ``source``) for ``addresses``, and ``port``.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from engage_server.errors import UsageError
from engage_server.links.policy.needs import Policy
from engage_server.links.policy.rules import HIGHEST_PORT, Action, Direction, Ports, Protocol, Rule, RuleSet, split_ends
from engage_server.records import Host, IPNetwork, read_network

FORMAT = "engage-server/site-policy/1"
_MOST_RULES, _MOST_ENDS = 500, 2000
_Word = TypeVar("_Word", bound=StrEnum)
_ALSO: Mapping[str, str] = {
    "outbound": "out",
    "egress": "out",
    "outgoing": "out",
    "inbound": "in",
    "ingress": "in",
    "incoming": "in",
    "accept": "allow",
    "permit": "allow",
    "pass": "allow",
    "deny": "drop",
    "block": "drop",
    "reject": "drop",
    "all": "any",
    "*": "any",
    "icmpv6": "icmp",
}
_EVERYWHERE = ("any", "all", "*")
_PORTS = re.compile(r"(\d{1,5})(?:\s*[-:]\s*(\d{1,5}))?", re.ASCII)
_PAGE = "docs/firewall.md shows the form."


def policy_json(policy: Policy) -> dict[str, Any]:
    """Return what a site needs."""
    window = policy.window
    return {
        "format": FORMAT,
        "site": policy.site,
        **rules_json(policy.rules),
        "replies": Action.ALLOW.value,
        "call_window": {
            "begin": None if window.begin == window.end else f"{window.begin // 60:02}:{window.begin % 60:02}",
            "end": None if window.begin == window.end else f"{window.end // 60:02}:{window.end % 60:02}",
            "zone": window.zone,
            "doors": window.doors,
            "basis": window.basis,
        },
        "notes": list(policy.notes),
    }


def rules_json(rules: RuleSet) -> dict[str, Any]:
    """Return rules and defaults."""
    return {
        "default": {"out": rules.default_out.value, "in": rules.default_in.value},
        "rules": [
            {
                "direction": rule.direction.value,
                "action": rule.action.value,
                "protocol": rule.protocol.value,
                "addresses": [str(network) for network in rule.networks],
                "names": list(rule.names),
                "ports": [str(each) for each in rule.ports],
                "why": rule.why,
            }
            for rule in rules.rules
        ],
    }


def read_rules(found: object, source: str) -> RuleSet:
    """Read rules in the form above: an object with ``rules`` and perhaps ``default``, or the list of rules alone.

    A default that is not said allows: that is how the firewall of an operator of SIMs begins.

    Args:
        found: What JSON was parsed to.
        source: Where it comes from, for errors.

    Raises:
        UsageError: It has another form, or a value cannot be used.
    """
    whole: Mapping[str, object] = found if isinstance(found, Mapping) else {"rules": found}
    listed, default = whole.get("rules"), whole.get("default", {})
    if not isinstance(listed, list) or not isinstance(default, Mapping):
        raise UsageError(f"{source}: it is no list of rules", _PAGE)
    if len(listed) > _MOST_RULES:
        raise UsageError(f"{source}: it has {len(listed)} rules, and {_MOST_RULES} can be compared", "Split it.")
    rules = tuple(_rule(each, f"{source}: rule {number}") for number, each in enumerate(listed, start=1))
    if sum(max(1, len(rule.networks) + len(rule.names)) * max(1, len(rule.ports)) for rule in rules) > _MOST_ENDS:
        raise UsageError(f"{source}: its rules name more than {_MOST_ENDS} networks and ports", "Split it.")
    return RuleSet(
        rules,
        _word(Action, default.get("out", "allow"), f"{source}: default: out"),
        _word(Action, default.get("in", "allow"), f"{source}: default: in"),
    )


def _rule(found: object, where: str) -> Rule:
    if not isinstance(found, Mapping):
        raise UsageError(f"{where}: it is no object", _PAGE)
    direction = _word(Direction, found.get("direction", ""), f"{where}: direction")
    protocol = _word(Protocol, found.get("protocol") or "any", f"{where}: protocol")
    ports = tuple(_ports(each, where) for each in _listed(found, "ports", "port"))
    if ports and protocol not in (Protocol.TCP, Protocol.UDP):
        raise UsageError(f"{where}: {protocol} has no ports", "Say protocol tcp or udp, or leave the ports out.")
    other_end = "destination" if direction is Direction.OUT else "source"
    ends = [*_listed(found, "addresses", "address", other_end), *_listed(found, "names", "name")]
    networks, names = split_ends(_end(each, where) for each in ends if each.lower() not in _EVERYWHERE)
    if any(each.lower() in _EVERYWHERE for each in ends):
        networks, names = (), ()
    return Rule(
        direction,
        _word(Action, found.get("action", "allow"), f"{where}: action"),
        protocol,
        networks,
        names,
        () if ports == (Ports(0, HIGHEST_PORT),) else ports,
        str(found.get("why") or ""),
    )


def _word(words: type[_Word], found: object, where: str) -> _Word:
    text = str(found).strip().lower()
    try:
        return words(_ALSO.get(text, text))
    except ValueError:
        raise UsageError(f"{where}: {text[:40]!r} is none of {', '.join(words)}", _PAGE) from None


def _listed(found: Mapping[str, object], *keys: str) -> Sequence[str]:
    """The texts under the first of these keys that has any: a list, or one text, perhaps with commas."""
    for key in keys:
        value = found.get(key)
        if value is None or value == "" or value == []:
            continue
        values = value if isinstance(value, list) else str(value).split(",")
        return [str(each).strip() for each in values]
    return []


def _ports(text: str, where: str) -> Ports:
    if text.lower() in _EVERYWHERE:
        return Ports(0, HIGHEST_PORT)
    matched = _PORTS.fullmatch(text)
    if matched is not None:
        first, last = int(matched[1]), int(matched[2] or matched[1])
        if first <= last <= HIGHEST_PORT:
            return Ports(first, last)
    raise UsageError(f"{where}: {text[:40]!r} is no port and no range of ports", "Write 443, or 8000-8100.")


def _end(text: str, where: str) -> IPNetwork | str:
    if "/" in text or ":" in text or text.replace(".", "").isdigit():
        try:
            return read_network(text)
        except ValueError:
            raise UsageError(
                f"{where}: {text[:60]!r} is neither an address nor a network", "Write 10.0.0.1 or 10.0.0.0/8."
            ) from None
    return Host.parse(text).text
