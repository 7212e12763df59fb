"""Answers devices from the snapshot in memory: no X.509, no HMAC, no database, no file."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from engage_server.records import CallIn, CallInWay
from engage_server.services.distribution.call_in_shares import CallInShares, call_in_shares
from engage_server.services.distribution.networks import is_in_networks
from engage_server.services.distribution.site_choice import choose_site, host_of_header
from engage_server.services.distribution.snapshot import EMPTY, ServedAnswer, ServedRelease, Snapshot

LATE_SECONDS = 5.0  # since the store was last checked; a worker checks at least every 2 s


class Refusal(Enum):
    """Why a device does not get what it asked for."""

    UNKNOWN_NETWORK = auto()  # the request came from outside the site's networks
    NOTHING_CURRENT = auto()  # no release of the site is active, or there is no site
    NO_SUCH_CERTIFICATE = auto()  # no release ever distributed a certificate with that digest


@dataclass(frozen=True, slots=True)
class CallInSite:
    """The site that answers a call-in.

    Attributes:
        name: Its name.
        call_in: How it answers.
        is_member: Whether the calling device is on its list; False if the call names no device.
        for_trials: Whether it was made for trials. There, a virtual lock counts as a device.
    """

    name: str
    call_in: CallIn
    is_member: bool
    for_trials: bool = False


class Distribution:
    """Answers devices from a single snapshot, which :meth:`publish` exchanges as a unit.

    Safe for many threads: a snapshot is immutable, and each request uses only one.
    """

    def __init__(self) -> None:
        self._snapshot = EMPTY
        self._seconds_since_look: Callable[[], float] = lambda: 0.0
        self._losses: Callable[[], Sequence[str]] = tuple
        self._warnings: tuple[str, ...] = ()

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that is served now."""
        return self._snapshot

    def publish(self, snapshot: Snapshot) -> None:
        """Serve this snapshot from now on."""
        self._snapshot = snapshot

    @property
    def is_ready(self) -> bool:
        """Whether there is any release to serve."""
        return bool(self._snapshot.current)

    def ask_age(self, seconds_since_look: Callable[[], float]) -> None:
        """Set the function that gives the seconds since the snapshot was last compared with the store."""
        self._seconds_since_look = seconds_since_look

    @property
    def seconds_since_look(self) -> float:
        """The seconds since the snapshot was last compared with the store; 0 if it never is."""
        return self._seconds_since_look()

    def ask_losses(self, losses: Callable[[], Sequence[str]]) -> None:
        """Set the function that gives codes for what this process has lost, while it serves from memory."""
        self._losses = losses

    @property
    def losses(self) -> Sequence[str]:
        """What this process has lost, as codes; empty if nothing."""
        return self._losses()

    def warn(self, *codes: str) -> None:
        """Set the codes for what somebody should look at. They change nothing that devices get."""
        self._warnings = codes

    @property
    def warnings(self) -> Sequence[str]:
        """What somebody should look at, as codes; empty if nothing."""
        return self._warnings

    @property
    def is_late(self) -> bool:
        """Whether the store may have changes that are not served yet. Devices still get what is here."""
        return self.seconds_since_look > LATE_SECONDS

    def notice(self, host_header: str, query: str, client: str, local: str = "") -> ServedAnswer | Refusal:
        """Answer a request for the certificate notice.

        Args:
            host_header: As it came; may be empty or garbage.
            query: The raw query string; may be anything.
            client: The device's address, as text.
            local: The address of this host that it called; "" if unknown.

        Returns:
            The JSON body with its release, or the reason why there is none.
        """
        snapshot = self._snapshot
        site = _site_of(snapshot, host_header, query, local)
        if not _is_allowed(snapshot, [site], client):
            return Refusal.UNKNOWN_NETWORK
        release = snapshot.current.get(site)
        if release is None:
            return Refusal.NOTHING_CURRENT
        return release.notices.get(host_of_header(host_header), release.notice)

    def der(self, digest: str, client: str) -> ServedAnswer | Refusal:
        """Answer the download of the trust anchor with this digest, of any release and site.

        The digest comes from a notice, so it names the site better than the Host header could.

        Args:
            digest: The digest in the path.
            client: The device's address, as text.
        """
        snapshot = self._snapshot
        found = snapshot.ders.get(digest)
        if found is None:
            return Refusal.NO_SUCH_CERTIFICATE
        return found.answer if _is_allowed(snapshot, found.sites, client) else Refusal.UNKNOWN_NETWORK

    def static_certificate(
        self, name: str, host_header: str, query: str, client: str, local: str = ""
    ) -> ServedAnswer | Refusal:
        """Answer the download of a file of this name that the vendor's sample served, from the request's site."""
        snapshot = self._snapshot
        site = _site_of(snapshot, host_header, query, local)
        if not _is_allowed(snapshot, [site], client):
            return Refusal.UNKNOWN_NETWORK
        return snapshot.static_certificates.get((site, name), Refusal.NO_SUCH_CERTIFICATE)

    def call_in(self, host_header: str, serial: str | None, client: str, local: str = "") -> CallInSite | Refusal:
        """The site that answers a call-in.

        Args:
            host_header: As it came.
            serial: The device's serial number, if known. It chooses the site if the host does not.
            client: The device's address, as text.
            local: The address of this host that it called; "" if unknown.
        """
        snapshot = self._snapshot
        name = _call_in_site(snapshot, host_header, serial, local)
        if not _is_allowed(snapshot, [name], client):
            return Refusal.UNKNOWN_NETWORK
        members = snapshot.members.get(name)
        is_member = serial is not None and members is not None and serial in members
        return CallInSite(name, snapshot.call_ins.get(name, CallIn()), is_member, name in snapshot.for_trials)

    def probable_call_in(self, host_header: str, serial: str | None, local: str = "") -> tuple[str, bool]:
        """The site that a call-in is probably for, and whether the call waits for a partner's system there.

        It is only probable, because the body is not read yet. It may name another device, and so another site.

        Args:
            host_header: As it came.
            serial: The device's serial number, if known.
            local: The address of this host that was called; "" if unknown.
        """
        snapshot = self._snapshot
        name = _call_in_site(snapshot, host_header, serial, local)
        return name, snapshot.call_ins.get(name, CallIn()).way is CallInWay.UPSTREAM

    def call_in_shares(self, threads: int) -> CallInShares:
        """How this many threads are divided between the sites as they are now."""
        ways = [each.way for each in self._snapshot.call_ins.values()]
        return call_in_shares(threads, ways.count(CallInWay.UPSTREAM))

    def is_known_network(self, host_header: str, query: str, client: str, local: str = "") -> bool:
        """Whether a request came from a network of the site that it is for."""
        snapshot = self._snapshot
        return _is_allowed(snapshot, [_site_of(snapshot, host_header, query, local)], client)

    def is_device_address(self, site: str, client: str) -> bool:
        """Whether this address is in the site's device networks. Always True if the site has none."""
        return _is_in_networks(self._snapshot, site, client)

    def tls_release(self, server_name: str | None, local: str = "") -> ServedRelease | None:
        """The release whose chain a TLS client gets: by server name, then by local address, then the default site's.

        Args:
            server_name: From the ClientHello, or None.
            local: The address of this host that the client called; "" if unknown.
        """
        snapshot = self._snapshot
        site = snapshot.by_host.get(host_of_header(server_name)) if server_name else None
        site = site or snapshot.by_local_address.get(local) or snapshot.default_site
        return snapshot.current.get(site or "")


def _call_in_site(snapshot: Snapshot, host_header: str, serial: str | None, local: str) -> str:
    fallback = snapshot.by_serial.get(serial or "") or snapshot.by_local_address.get(local)
    return snapshot.by_host.get(host_of_header(host_header)) or fallback or snapshot.default_site or ""


def _site_of(snapshot: Snapshot, host_header: str, query: str, local: str) -> str:
    by_local_address = snapshot.by_local_address.get(local) if snapshot.by_local_address else None
    fallback = by_local_address or snapshot.default_site
    return choose_site(host_header, query, snapshot.by_host, snapshot.by_serial, fallback) or ""


def _is_allowed(snapshot: Snapshot, sites: Iterable[str], client: str) -> bool:
    return not snapshot.networks or any(_is_in_networks(snapshot, site, client) for site in sites)


def _is_in_networks(snapshot: Snapshot, site: str, client: str) -> bool:
    networks = snapshot.networks.get(site)
    return networks is None or is_in_networks(client, networks)
