"""What a lock site needs through its firewall, from the product's own settings. Pure.

1. Out: TCP to the plain and to the TLS port of each host that doors call.
2. Out: questions for names, only where a host is a name.
3. In: nothing. Doors begin every connection. Answers come back on the same one.
4. Everything else is dropped, and counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from engage_server.errors import NotPossible
from engage_server.links.policy.call_window import CallWindow
from engage_server.links.policy.rules import Action, Protocol, RuleSet, allowed
from engage_server.records import Host, IPNetwork
from engage_server.records.address import IPAddress

DNS_PORT = 53
TLS_PORT = 443


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked.

    Attributes:
        site: The name of the site.
        hosts: All that its doors call.
        plain_port: The port of plain HTTP that doors see.
        tls_port: The port of TLS that doors see.
        resolvers: Whom doors ask for names. Empty: not known.
        addresses: The addresses of those hosts that are names and were resolved.
        window: When doors usually call.
    """

    site: str
    hosts: Sequence[Host]
    plain_port: int
    tls_port: int
    window: CallWindow
    resolvers: Sequence[IPNetwork] = ()
    addresses: Mapping[str, Sequence[IPAddress]] | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What a site needs.

    Attributes:
        site: The name of the site.
        rules: What must pass. Everything else is dropped.
        window: When the way must be open.
        notes: What a person should know before using it, one sentence or two each.
    """

    site: str
    rules: RuleSet
    window: CallWindow
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The hosts whose addresses are not in the rules."""
        return self.rules.names


def policy_of(asked: Asked) -> Policy:
    """Return what a site needs.

    Raises:
        NotPossible: No host of the site can be called from elsewhere.
    """
    resolved = asked.addresses or {}
    named = [host.text for host in asked.hosts if not host.is_address and not host.is_this_machine]
    ends: list[IPNetwork | str] = []
    for host in asked.hosts:
        if host.is_this_machine:
            continue
        if host.is_address:
            ends.append(ip_network(host.text))
        else:
            ends += [ip_network(str(each)) for each in resolved.get(host.text, ())] or [host.text]
    if not ends:
        raise NotPossible(
            f"doors on a network cannot call site {asked.site}: its hosts are this machine alone",
            f"Add the host that doors call: engage site change {asked.site} --host HOST",
        )
    rules = [
        allowed(Protocol.TCP, ends, [asked.plain_port], "plain HTTP: the notice and the trust certificate"),
        allowed(Protocol.TCP, ends, [asked.tls_port], "TLS: nightly call-ins, alerts, audits"),
    ]
    if named:
        why = f"DNS: doors ask for the {'address' if len(named) == 1 else 'addresses'} of {', '.join(named)}"
        rules += [allowed(each, asked.resolvers, [DNS_PORT], why) for each in (Protocol.UDP, Protocol.TCP)]
    return Policy(
        asked.site, RuleSet(tuple(rules), Action.DROP, Action.DROP), asked.window, tuple(_notes(asked, named, resolved))
    )


def _notes(asked: Asked, named: Sequence[str], resolved: Mapping[str, object]) -> list[str]:
    notes = ["Answers to doors must pass: the firewall must know connections."]
    open_names = [name for name in named if name not in resolved]
    if open_names:
        notes.append(f"The addresses of {', '.join(open_names)} are not in the rules. --resolve looks them up.")
    if named and resolved:
        notes.append("Addresses behind names can change. Then doors are cut off: run this again.")
    if named and not asked.resolvers:
        notes.append("Doors may ask any DNS server. Name the ones that they use with --resolver.")
    if asked.tls_port != TLS_PORT:
        notes.append(
            f"Doors call TLS on port {TLS_PORT} only, and the server listens on {asked.tls_port}. "
            "These rules fit trials with virtual locks."
        )
    notes += [
        "DHCP stays between doors and their router: no rule is needed.",
        "NTP has no rule: nothing known says that doors use it. They get the time when they call in.",
        "The router's own connections, such as DNS, NTP and tunnels, are not of doors: allow them where it stands.",
        f"A firewall with a schedule must be open {asked.window.in_words}. "
        "Alerts come at any time, and readers call when they are used.",
    ]
    return notes
