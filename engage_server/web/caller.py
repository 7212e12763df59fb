"""Finds who calls, and which host: from the connection, and from a proxy's headers only if the proxy is trusted."""

from collections.abc import Sequence

from flask import request

from engage_server.protocol.forwarded_for import hops_of
from engage_server.protocol.virtual_lock_mark import HEADER
from engage_server.records import IPNetwork, folded
from engage_server.services.distribution.lookup import Distribution
from engage_server.services.distribution.networks import is_in_networks

RAW_HOST = "engage_server.host"  # app.py puts the Host header here as it was received
IDENTIFIED = "engage_server.identified"  # the serial number that a request of this connection gave, in both directions
IS_BALANCERS = "engage_server.balancers"  # whether a balancer speaks for itself on this connection
LOCAL_ADDRESS = "engage_server.local"  # the server puts the address of this host that was called here, if it matters


class CallerReader:
    """Reads the caller of the current request.

    Args:
        trusted_proxies: Networks whose ``X-Forwarded-*`` headers are trusted. Empty: no network's are.
    """

    def __init__(self, trusted_proxies: Sequence[IPNetwork]) -> None:
        self._trusted = tuple(trusted_proxies)

    def address(self) -> str:
        """The device's address, as text. "" if it is not known.

        Behind trusted proxies, it is the last address in ``X-Forwarded-For`` that is not a proxy's. Each proxy appends
        the address that called it, so everything further left is only the client's claim.
        """
        address = folded(str(request.environ.get("REMOTE_ADDR", "")))
        if not self._is_trusted(address):
            return address
        for hop in hops_of(request.headers.get("X-Forwarded-For", "")):
            address = hop
            if not self._is_trusted(hop):
                break
        return address

    def host(self) -> str:
        """The host that the device used, raw. It may be anything, or empty."""
        if self._trusted and self._is_trusted(request.environ.get("REMOTE_ADDR", "")):
            forwarded = request.headers.get("X-Forwarded-Host", "")
            if forwarded:
                return str(forwarded.rpartition(",")[2])
        return str(request.environ.get(RAW_HOST, ""))

    def query(self) -> str:
        """The raw query string."""
        return str(request.environ.get("QUERY_STRING", ""))

    def local(self) -> str:
        """The address of this host that the caller called, where that chooses a site; else ""."""
        return str(request.environ.get(LOCAL_ADDRESS, ""))

    def said_before(self) -> str | None:
        """The serial number that an earlier request of this connection gave, or None."""
        return request.environ.get(IDENTIFIED)

    def is_marked(self) -> bool:
        """Whether the request says that a virtual lock sends it."""
        return HEADER in request.headers

    def is_balancers(self) -> bool:
        """Whether a balancer asks for itself, such as for its health check. Nothing that it does is a device's."""
        return bool(request.environ.get(IS_BALANCERS))

    def is_proxied(self) -> bool:
        """Whether a trusted proxy calls for others. Then one connection may carry many devices' requests."""
        return self._is_trusted(str(request.environ.get("REMOTE_ADDR", "")))

    def is_known_network(self, distribution: Distribution) -> bool:
        """Whether this request's site may be called from the caller's network."""
        return distribution.is_known_network(self.host(), self.query(), self.address(), self.local())

    def _is_trusted(self, address: str) -> bool:
        return is_in_networks(address, self._trusted)
