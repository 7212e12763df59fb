"""Whether an address lies in one of some networks."""

import ipaddress
from collections.abc import Iterable

from engage_server.records import IPNetwork


def is_in_networks(address: str, networks: Iterable[IPNetwork]) -> bool:
    """Whether a client's address, as the connection gives it, lies in one of the networks.

    An IPv4 client on a socket that listens for both kinds comes as ``::ffff:a.b.c.d`` (RFC 4291 section 2.5.5.2), and
    counts as the IPv4 address that it is. What is no address lies in no network.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)
