"""Addresses of callers: one spelling for each, wherever they come from.

An IPv4 client on a socket that listens for both kinds comes as ``::ffff:a.b.c.d`` (RFC 4291 section 2.5.5.2). It is the
IPv4 address that it is: in logs, in the evidence, in networks. So every address passes here where it enters.
"""

import ipaddress

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = "::ffff:"
_MAPPED_BITS = 96


def folded(address: str) -> str:
    """A socket's address in its one spelling. Called for each connection, so it parses nothing.

    Args:
        address: As the operating system spells it.
    """
    if not address.startswith(_MAPPED) or "." not in address:
        return address
    rest = address[len(_MAPPED) :]
    return address if ":" in rest else rest


def read_address(text: str) -> IPAddress | None:
    """An address in any spelling, IPv4 in IPv6 as IPv4; None for what is none. A zone is left out."""
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def read_network(text: str) -> IPNetwork:
    """A network in CIDR notation, in its one spelling: ``::ffff:10.0.0.0/104`` is ``10.0.0.0/8``.

    Raises:
        ValueError: It is none, or has host bits set. The message says which.
    """
    parsed = ipaddress.ip_network(text)
    if isinstance(parsed, ipaddress.IPv4Network) or parsed.prefixlen < _MAPPED_BITS:
        return parsed
    mapped = parsed.network_address.ipv4_mapped
    return parsed if mapped is None else ipaddress.IPv4Network((mapped, parsed.prefixlen - _MAPPED_BITS))
