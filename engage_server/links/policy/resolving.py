"""Looks up the addresses of hosts, as this machine's resolver gives them."""

import socket
from collections.abc import Iterable

from engage_server.errors import NotPossible
from engage_server.records.address import IPAddress, read_address


def addresses_of(names: Iterable[str]) -> dict[str, tuple[IPAddress, ...]]:
    """Return all addresses of each name, IPv4 first.

    Raises:
        NotPossible: A name cannot be resolved. It says which.
    """
    return {name: _addresses(name) for name in names}


def _addresses(name: str) -> tuple[IPAddress, ...]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no host name"
        raise NotPossible(
            f"the address of {name} was not found: {why}",
            "Check the name and this machine's DNS. Without --resolve, the name itself is printed.",
        ) from None
    parsed = {address for entry in found if (address := read_address(str(entry[4][0]))) is not None}
    return tuple(sorted(parsed, key=lambda address: (address.version, int(address))))
