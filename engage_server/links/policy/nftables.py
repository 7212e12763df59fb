"""What a site needs, as a file for nftables. Pure.

1. It touches one table, named after the site, and no other. So it can be loaded beside any firewall, and again.
2. The table is declared, its rules are flushed, and new ones are written. All that is one transaction: at no moment are
   there no rules.
3. Sets for names stay filled when the file is loaded again: a DNS server such as dnsmasq fills them.
4. An ``accept`` here is no permission elsewhere: another table that drops still drops.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from textwrap import wrap

from engage_server.errors import UsageError
from engage_server.links.policy.needs import Policy
from engage_server.links.policy.rules import Ports, Rule
from engage_server.links.policy.words import end
from engage_server.records import IPNetwork

_WIDTH = 100
_INTERFACE = re.compile(r"[A-Za-z0-9_.-]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Doors:
    """How a router knows the doors. With neither, everything that it forwards is taken for traffic of doors.

    Attributes:
        interface: The name of the interface behind which they are.
        networks: Their networks.
    """

    interface: str = ""
    networks: Sequence[IPNetwork] = ()

    def __post_init__(self) -> None:
        if self.interface and not _INTERFACE.fullmatch(self.interface):
            raise UsageError(
                f"{self.interface!r} is no name of an interface",
                "Give it as 'ip link' shows it, such as br-doors.",
            )


def table_name(site: str) -> str:
    """Return the name of the site's table."""
    return f"engage_{site}"


def nftables_text(policy: Policy, doors: Doors, made_by: str) -> str:
    """Return the file.

    Args:
        policy: What the site needs.
        doors: How the router knows its doors.
        made_by: The command that makes it again.
    """
    table = f"table inet {table_name(policy.site)}"
    lines = [*_head(policy, doors, made_by), "", *_declared(table, policy), f"flush {table}", ""]
    lines += [f"{table} {{", *_chains(policy, doors), "}"]
    return "\n".join(lines) + "\n"


def _head(policy: Policy, doors: Doors, made_by: str) -> Iterator[str]:
    table = table_name(policy.site)
    yield "#!/usr/sbin/nft -f"
    paragraphs = [
        f"What the doors of site {policy.site} need through the firewall of their router. Made by: {made_by}",
        f"Check it: nft -c -f FILE. Load it: nft -f FILE. Remove it: nft delete table inet {table}",
        f"Only the table inet {table} is touched. Its chain sees what this machine forwards, and nothing else: "
        "neighbour discovery, DHCP and the router's own connections do not pass it.",
        f"Doors call {policy.window.in_words}; {policy.window.basis}.",
        *policy.notes,
        *_of_doors(doors),
    ]
    for paragraph in paragraphs:
        yield "#"
        yield from wrap(paragraph, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _of_doors(doors: Doors) -> Iterator[str]:
    if doors.interface:
        yield f"Doors are behind the interface {doors.interface}. Other traffic passes untouched."
    elif doors.networks:
        yield f"Doors are in {', '.join(map(str, doors.networks))}. Other traffic passes untouched."
        versions = {network.version for network in doors.networks}
        for version in {4, 6} - versions:
            yield f"No IPv{version} network of doors is named: what doors send by IPv{version} passes untouched, too."
    else:
        yield (
            "Everything that this machine forwards is taken for traffic of doors, and dropped if it is not listed. "
            "--door-interface or --door-network leaves other traffic alone."
        )


def _sets(policy: Policy) -> dict[str, str]:
    """The names of sets by host name, without the version."""
    return {name: f"name{number}" for number, name in enumerate(policy.names, start=1)}


def _declared(table: str, policy: Policy) -> Iterator[str]:
    yield f"{table} {{"
    for name, set_name in _sets(policy).items():
        yield f"    # the addresses of {name}; dnsmasq fills them with"
        inner = table.removeprefix("table ").replace(" ", "#")
        yield f"    # nftset=/{name}/4#{inner}#{set_name}_4,6#{inner}#{set_name}_6"
        yield f"    # by hand: nft add element {table.removeprefix('table ')} {set_name}_4 '{{ 192.0.2.1 }}'"
        for version in (4, 6):
            yield f"    set {set_name}_{version} {{"
            yield f"        type ipv{version}_addr"
            yield "    }"
    for counter in ("dropped_out", "dropped_in"):
        yield f"    counter {counter} {{"
        yield "    }"
    yield "}"


def _chains(policy: Policy, doors: Doors) -> Iterator[str]:
    yield "    chain from_doors {"
    yield "        ct state established,related accept"
    for rule in policy.rules.rules:
        yield f"        # {rule.why}"
        yield from (f"        {line}" for line in _accepted(rule, _sets(policy)))
    yield "        counter name dropped_out drop"
    yield "    }"
    yield ""
    yield "    chain to_doors {"
    yield "        # answers, and the ICMP errors that belong to them, such as packet too big"
    yield "        ct state established,related accept"
    yield "        counter name dropped_in drop"
    yield "    }"
    yield ""
    yield "    chain forward {"
    yield "        type filter hook forward priority filter; policy accept;"
    yield from (f"        {line}" for line in _jumps(doors))
    yield "    }"


def _jumps(doors: Doors) -> Iterator[str]:
    if doors.interface:
        yield f'iifname "{doors.interface}" jump from_doors'
        yield f'oifname "{doors.interface}" jump to_doors'
    elif doors.networks:
        for word, network in _by_version(doors.networks):
            yield f"{word} saddr {network} jump from_doors"
        for word, network in _by_version(doors.networks):
            yield f"{word} daddr {network} jump to_doors"
    else:
        yield "jump from_doors"


def _accepted(rule: Rule, sets: dict[str, str]) -> Iterator[str]:
    what = f"{rule.protocol} dport {_ports(rule.ports)} accept"
    if rule.is_everywhere:
        yield what
    for word, networks in _by_version(rule.networks):
        yield f"{word} daddr {networks} {what}"
    for name in rule.names:
        yield f"ip daddr @{sets[name]}_4 {what}"
        yield f"ip6 daddr @{sets[name]}_6 {what}"


def _by_version(networks: Sequence[IPNetwork]) -> Iterator[tuple[str, str]]:
    """The word of nftables for a version, and its networks as a set."""
    version4 = [each for each in networks if isinstance(each, IPv4Network)]
    version6 = [each for each in networks if isinstance(each, IPv6Network)]
    # without overlaps: a set of nftables must not have any
    if version4:
        yield "ip", f"{{ {', '.join(map(end, collapse_addresses(version4)))} }}"
    if version6:
        yield "ip6", f"{{ {', '.join(map(end, collapse_addresses(version6)))} }}"


def _ports(ports: Sequence[Ports]) -> str:
    return str(ports[0]) if len(ports) == 1 else f"{{ {', '.join(map(str, ports))} }}"
