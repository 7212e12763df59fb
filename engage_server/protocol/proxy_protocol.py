"""Reads the header of the PROXY protocol, version 2: whose connection a load balancer passes on.

The rules are those of HAProxy's ``proxy-protocol.txt``, section 2.2. Version 1 is a line of text, and is not read: its
end would have to be searched for.
"""

import ipaddress
import struct
from dataclasses import dataclass

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FIRST_BYTES = 16  # the signature, the version with the command, the family with the transport, the length of the rest
MOST_BYTES = 536  # of a whole header: what one TCP segment holds at least, so that it arrives in one piece

USUAL = SIGNATURE + b"\x21\x11\x00\x0c"
"""How the header of a TCP connection over IPv4 begins that has no extensions: then come the two addresses."""
USUAL_BYTES = 28

_VERSION_2 = 0x20
_LOCAL, _PROXY = 0, 1
_UNSPECIFIED, _TCP_OVER_IPV4, _TCP_OVER_IPV6 = 0x00, 0x11, 0x21
_IPV4_BYTES, _IPV4_TEXT = 4, "%d.%d.%d.%d"
_ADDRESS_BYTES = {_TCP_OVER_IPV4: _IPV4_BYTES, _TCP_OVER_IPV6: 16}
_LENGTH = struct.Struct("!H")


class ProxyHeaderRefused(ValueError):
    """The bytes are no header that can be used. The text says why, and holds nothing that was sent."""


@dataclass(frozen=True, slots=True)
class PassedOn:
    """Whose connection it is, in the one spelling of addresses that we use.

    Attributes:
        client: The address of the client.
        called: The address that the client called.
    """

    client: str
    called: str


def assert_begun(received: bytes) -> None:
    """Refuse the first bytes of a connection as soon as they cannot become a header.

    Args:
        received: At most :data:`FIRST_BYTES`.

    Raises:
        ProxyHeaderRefused: As above.
    """
    count = min(len(received), len(SIGNATURE))
    if received[:count] != SIGNATURE[:count]:
        if received.startswith(b"PROXY"[: len(received)]):
            raise ProxyHeaderRefused("version 1 of the PROXY protocol was sent, and version 2 is read")
        raise ProxyHeaderRefused("no header of the PROXY protocol was sent")


def length_of_rest(first: bytes) -> int:
    """Return how many bytes of the header follow.

    Args:
        first: Its first :data:`FIRST_BYTES`, which :func:`assert_begun` has accepted.

    Raises:
        ProxyHeaderRefused: It is of another version, has an unknown command, or is too long.
    """
    if first[12] & 0xF0 != _VERSION_2 or first[12] & 0x0F not in (_LOCAL, _PROXY):
        raise ProxyHeaderRefused("the header has an unknown version or command")
    rest: int = _LENGTH.unpack_from(first, 14)[0]
    if FIRST_BYTES + rest > MOST_BYTES:
        raise ProxyHeaderRefused(f"the header is longer than {MOST_BYTES} bytes")
    return rest


def passed_on(first: bytes, rest: bytes) -> PassedOn | None:
    """Read a whole header. Extensions at its end are skipped.

    Args:
        first: Its first :data:`FIRST_BYTES`.
        rest: As many bytes as :func:`length_of_rest` said.

    Returns:
        None if it names no client: the balancer speaks for itself, or does not say for whom.

    Raises:
        ProxyHeaderRefused: It is not about TCP, or too short for its addresses.
    """
    if first[12] & 0x0F == _LOCAL or first[13] == _UNSPECIFIED:
        return None
    size = _ADDRESS_BYTES.get(first[13])
    if size is None:
        raise ProxyHeaderRefused("the header is not about a TCP connection over IPv4 or IPv6")
    if len(rest) < 2 * size + 4:  # two addresses, two ports
        raise ProxyHeaderRefused("the header is too short for its addresses")
    return PassedOn(_spelled(rest[:size]), _spelled(rest[size : 2 * size]))


def _spelled(address: bytes) -> str:
    if len(address) == _IPV4_BYTES:
        return _IPV4_TEXT % (*address,)
    read = ipaddress.IPv6Address(address)
    return str(read.ipv4_mapped or read)
