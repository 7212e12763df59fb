"""``X-Forwarded-For``, which proxies write and no standard defines."""

from collections.abc import Sequence

from engage_server.records.address import read_address

_MOST_CHARACTERS = 64  # of an address with its zone; the database keeps no more


def hops_of(value: str) -> Sequence[str]:
    """The addresses in the field, the nearest first, each in its one spelling.

    Proxies write them bare, with a port (``192.0.2.1:5678``), or in brackets (``[2001:db8::1]:443``). What is no
    address, such as ``unknown``, stays as it is written: it lies in no network, and nobody may take it for a proxy.

    Args:
        value: The field's value; of several lines all of them, in their order, with commas between.
    """
    hops = [hop.strip(' \t"') for hop in value.split(",")]
    return [_hop(hop) for hop in reversed(hops) if hop]


def _hop(text: str) -> str:
    bare = text
    if text.startswith("["):
        bare = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        bare = text.partition(":")[0]
    found = read_address(bare)
    return text[:_MOST_CHARACTERS] if found is None else str(found)
