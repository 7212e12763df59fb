"""Chooses the site that answers a request. This is the only place that decides it.

1. By the Host header, if a site has that host.
2. Otherwise by the serial number in the query, if that device is known.
3. Otherwise by the address of this host that was called, if it belongs to one site.
4. Otherwise the default site.

TLS has no serial number. There it is chosen by the server name, then by the local address, then the default site.
"""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from engage_server.errors import HostInvalid
from engage_server.protocol.serial_number import serial_from_query
from engage_server.records import Host, read_address

_MOST_CHARACTERS = 1024  # of a host that is parsed: a name of 253 octets in percent-encoding is shorter


def choose_site(
    host_header: str, query: str, by_host: Mapping[str, str], by_serial: Mapping[str, str], default: str | None
) -> str | None:
    """The name of the site that answers, or None if there is no site at all. Never raises.

    Args:
        host_header: As it came, with or without a port; may be garbage or empty.
        query: The raw query string.
        by_host: Site names by host text, in the form of :class:`engage_server.records.Host`.
        by_serial: Site names by serial number, 32 upper-case hexadecimal digits. May leave out the default site's.
        default: The site to use otherwise: the site of the local address, or the default site.
    """
    site = by_host.get(host_of_header(host_header))
    if site is None and by_serial:
        serial = serial_from_query(query)
        site = by_serial.get(serial) if serial else None
    return default if site is None else site


@lru_cache(maxsize=256)  # a device sends the same every night
def host_of_header(header: str) -> str:
    """The host in a Host header (RFC 9110 section 7.2), as sites spell it; "" if there is none, or it cannot be parsed.

    Args:
        header: As it came. An international name may come as A-labels, as percent-encoded UTF-8 (RFC 3986 section
            3.2.2), or, against the rules, as raw UTF-8. WSGI passes that on with one character for each octet.
    """
    text = header.strip()
    if text.startswith("["):
        return _canonical_ipv6(text[1:].partition("]")[0])
    if text.count(":") > 1:  # an IPv6 address without its brackets: wrong, but clear
        return _canonical_ipv6(text)
    name = text.partition(":")[0].removesuffix(".")
    return name.lower() if name.isascii() and "%" not in name else _a_labels(name)


def _canonical_ipv6(text: str) -> str:
    address = read_address(text)
    return "" if address is None or "%" in text else str(address)


def _a_labels(name: str) -> str:
    """An international name as sites spell it; "" if it is not one."""
    try:
        octets = unquote_to_bytes(name.encode("latin-1")) if len(name) <= _MOST_CHARACTERS else b""
        return Host.parse(octets.decode("utf-8")).text
    except (UnicodeError, HostInvalid):
        return ""
