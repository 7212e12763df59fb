"""Finds the names and addresses of this machine, for an installation whose operator named no host."""

import socket
from contextlib import closing

from engage_server.errors import HostInvalid
from engage_server.records import Host

_LOOPBACK = (Host("localhost"), Host("127.0.0.1"))

# Documentation addresses (RFC 5737, RFC 3849): connecting a UDP socket sends nothing, it only picks the route.
_ROUTED = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def own_hosts() -> tuple[Host, ...]:
    """The hosts that devices may call: this machine's names, its routed addresses, and last the loopback for trials."""
    texts = [name for name in (socket.getfqdn(), socket.gethostname()) if name]
    texts += [address for family, target in _ROUTED if (address := _address_towards(family, target))]
    found: list[Host] = []
    for text in texts:
        try:
            found.append(Host.parse(text))
        except HostInvalid:
            continue  # a machine may have a name that cannot be in a certificate
    usable = [host for host in found if not host.text.startswith(("localhost", "ip6-", "127.", "::1"))]
    return tuple(dict.fromkeys([*usable, *_LOOPBACK]))


def _address_towards(family: socket.AddressFamily, target: str) -> str | None:
    try:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
            probe.connect((target, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None  # no route of this kind
