"""Reads ``X-Forwarded-For``, a header that proxies write but no standard defines."""

from collections.abc import Sequence

from engage_server.records.address import read_address

_MOST_CHARACTERS = 64  # an address with its zone; the database stores no more


def hops_of(value: str) -> Sequence[str]:
    """The addresses in the header, nearest first, each in its canonical form.

    Proxies write addresses bare, with a port (``192.0.2.1:5678``), or in brackets (``[2001:db8::1]:443``). Anything
    else, such as ``unknown``, stays unchanged: it is in no network, so it is never treated as a proxy.

    Args:
        value: The value of the header. Join several header lines in order, separated by commas.
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
