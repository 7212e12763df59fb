"""Whether an address lies in one of some networks."""

from collections.abc import Iterable

from engage_server.records import IPNetwork, read_address


def is_in_networks(address: str, networks: Iterable[IPNetwork]) -> bool:
    """Whether a client's address, as the connection gives it, lies in one of the networks.

    Either spelling of an IPv4 address counts. What is no address lies in no network.
    """
    parsed = read_address(address)
    return parsed is not None and any(parsed in network for network in networks)
