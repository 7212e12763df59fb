"""Addresses of callers: one spelling for each address, whatever its source.

On a socket for both kinds, an IPv4 client appears as ``::ffff:a.b.c.d`` (RFC 4291 section 2.5.5.2). In logs, in the
evidence and in networks it must be the plain IPv4 address. So every address passes through here where it enters.
"""

import ipaddress

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = "::ffff:"
_MAPPED_BITS = 96


def folded(address: str) -> str:
    """Return a socket's address in its one spelling. Called for each connection, so it parses nothing.

    Args:
        address: As the operating system spells it.
    """
    if not address.startswith(_MAPPED) or "." not in address:
        return address
    rest = address[len(_MAPPED) :]
    return address if ":" in rest else rest


def read_address(text: str) -> IPAddress | None:
    """Read an address in any spelling. IPv4 in IPv6 becomes IPv4; a zone is dropped. None if it is not an address."""
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def read_network(text: str) -> IPNetwork:
    """Read a network in CIDR notation into its one spelling: ``::ffff:10.0.0.0/104`` becomes ``10.0.0.0/8``.

    Raises:
        ValueError: It is not a network, or has host bits set. The message says which.
    """
    parsed = ipaddress.ip_network(text)
    if isinstance(parsed, ipaddress.IPv4Network) or parsed.prefixlen < _MAPPED_BITS:
        return parsed
    mapped = parsed.network_address.ipv4_mapped
    return parsed if mapped is None else ipaddress.IPv4Network((mapped, parsed.prefixlen - _MAPPED_BITS))
