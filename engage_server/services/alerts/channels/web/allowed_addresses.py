"""Which addresses a webhook may be sent to. It is asked about the address that is connected to, never about a name.

Link-local addresses are never called: there, clouds give the keys of a machine to anyone who asks. Addresses of private
networks and of this machine are called only if the operator said so, because a name of others may lead to them.
"""

from ipaddress import IPv4Address, IPv6Network, ip_address, ip_network

from engage_server.records.address import IPAddress

# services of clouds that know keys of the machine, and lie outside of the link-local networks
_OF_CLOUDS = {
    ip_address(each)
    for each in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254")
}
_THIS_NETWORK = ip_network("0.0.0.0/8")
_SHARED = ip_network("100.64.0.0/10")  # RFC 6598: neither public nor private to the library
_FORMER_SITE_LOCAL = ip_network("fec0::/10")
# networks whose addresses hold an IPv4 address in their last 32 bits: compatible, translated, and NAT64
_IPV4_AT_THE_END = (IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"), IPv6Network("64:ff9b::/96"))


def why_forbidden(address: IPAddress, *, may_be_inside: bool) -> str:
    """Return why a webhook must not be sent to an address, or "" if it may.

    Args:
        address: The address that the connection will have.
        may_be_inside: Whether the operator allowed private networks and this machine.
    """
    meant = _ipv4_within(address)
    if meant in _OF_CLOUDS:
        return f"it leads to {address}, where a cloud may give out keys of this machine"
    if meant.is_link_local:
        return f"it leads to {address}, which is link-local"
    if meant.is_multicast:
        return f"it leads to {address}, which is multicast"
    if meant.is_unspecified or meant in _THIS_NETWORK:
        return f"it leads to {address}, which is the address of no machine"
    if _is_inside(meant):
        return "" if may_be_inside else f"it leads to {address}, which is inside: in a private network or this machine"
    if meant.is_reserved:
        return f"it leads to {address}, which is reserved"
    return ""


def _is_inside(address: IPAddress) -> bool:
    is_former = address in _FORMER_SITE_LOCAL
    return address.is_loopback or address in _SHARED or is_former or (address.is_private and not address.is_reserved)


def _ipv4_within(address: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 address leads to by translation or by a tunnel; else the address as it is."""
    if isinstance(address, IPv4Address):
        return address
    embedded = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if embedded is not None:
        return embedded
    is_special = address.is_loopback or address.is_unspecified
    if not is_special and any(address in network for network in _IPV4_AT_THE_END):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
