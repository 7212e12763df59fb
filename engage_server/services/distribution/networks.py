"""Checks whether an address is in one of several networks."""

from collections.abc import Iterable

from engage_server.records import IPNetwork, read_address


def is_in_networks(address: str, networks: Iterable[IPNetwork]) -> bool:
    """Whether a client's address, as the connection gives it, is in one of the networks.

    Both spellings of an IPv4 address work. A text that is not an address is in no network.
    """
    parsed = read_address(address)
    return parsed is not None and any(parsed in network for network in networks)
