"""Everything that the device side needs, in memory, immutable, and built once after each change in the store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engage_server.errors import Conflict, EngageError, NotFound, Refused, SealBroken
from engage_server.protocol.notice import cert_url, digest_of, notice_bytes
from engage_server.records import CallIn, IPNetwork, Release, ReleaseState, Secret, Site
from engage_server.services.distribution.serial_set import SerialSet
from engage_server.store.interface import ReleaseStore, SiteStore, WorkerStore


class ServedStore(SiteStore, ReleaseStore, WorkerStore, Protocol):
    """The part of the store that a snapshot is built from."""


@dataclass(frozen=True, slots=True, eq=False)
class ServedAnswer:
    """Bytes that are sent unchanged. Compared by identity: each is made once for a snapshot.

    Attributes:
        content: The body.
        site, release: The site and release that it belongs to.
    """

    content: bytes = field(repr=False)
    site: str
    release: int


@dataclass(frozen=True, slots=True)
class ServedRelease:
    """The current release of one site, as bytes that are sent unchanged.

    Attributes:
        site, number: The site and the number of the release.
        notices: For each host of the site, the notice with that host in ``cert_url``.
        notice: The notice for a device that called none of these hosts. It names the site's first host.
        chain: The certificates as DER, the server certificate first.
        root: The root as DER; it is not sent.
        chain_digest: Names the server certificate by its content, independent of the number of its release.
        private_key: PKCS#8 PEM; None in a process that does not serve TLS.
    """

    site: str
    number: int
    notices: Mapping[str, ServedAnswer]
    notice: ServedAnswer
    chain: tuple[bytes, ...] = field(repr=False)
    root: bytes = field(repr=False)
    chain_digest: str
    private_key: Secret | None


@dataclass(frozen=True, slots=True)
class ServedDer:
    """A trust anchor that can be downloaded, of a release in any state.

    Attributes:
        answer: The DER, with the release it counts for: of the first site that distributes it, the current release, or
            otherwise the newest.
        sites: The sites whose releases distribute it.
    """

    answer: ServedAnswer
    sites: frozenset[str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent view of the store.

    Attributes:
        generation: The store's generation that it shows.
        current: The current release of each site that has one.
        by_host, by_serial, default_site: The arguments of :func:`.site_choice.choose_site`.
        networks: The networks that each site's devices may call from. A site without networks is not in it.
        ders: The anchors by digest.
        by_local_address: Site names by the address of this host that was called; without the default site's.
        call_ins: How each site answers call-ins.
        members: The devices that each site knows by serial number.
        members_version: Changes whenever the members of a site change.
        static_certificates: The files that the vendor's sample served, by site and file name.
        for_trials: The sites that were made for trials.
        kept: The sites whose current release could not be loaded, so that the last good one is still served; and why.
    """

    generation: int
    current: Mapping[str, ServedRelease]
    by_host: Mapping[str, str]
    by_serial: Mapping[str, str]
    default_site: str | None
    networks: Mapping[str, Sequence[IPNetwork]]
    ders: Mapping[str, ServedDer]
    by_local_address: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, EngageError] = field(default_factory=dict)
    call_ins: Mapping[str, CallIn] = field(default_factory=dict)
    members: Mapping[str, SerialSet] = field(default_factory=dict)
    members_version: Mapping[str, str] = field(default_factory=dict)
    static_certificates: Mapping[tuple[str, str], ServedAnswer] = field(default_factory=dict)
    for_trials: frozenset[str] = frozenset()


EMPTY = Snapshot(generation=0, current={}, by_host={}, by_serial={}, default_site=None, networks={}, ders={})


def take_snapshot(
    store: ServedStore,
    public_http_port: int,
    *,
    with_private_keys: bool,
    with_devices: bool = True,
    last: Snapshot = EMPTY,
    try_out: Callable[[ServedRelease], None] = lambda release: None,
) -> Snapshot:
    """Read the store and build every answer.

    The generation is read first. So a change between the reads shows, and the follower reads again. If a release cannot
    be loaded, its site keeps the last good one, as one unit. Other sites are not affected.

    Args:
        store: The store to read.
        public_http_port: The port in ``cert_url``.
        with_private_keys: Only for a process that serves TLS.
        with_devices: False for who only wants to know the answers: a site may have a million devices.
        last: The snapshot that is served until now.
        try_out: Called with each current release; raises EngageError if it cannot be served.

    Raises:
        StoreNotUsable: The database does not answer.
        EngageError: A site's release cannot be loaded, and there is no last good one.
    """
    generation = store.generation()
    sites = store.sites()
    releases = store.releases()
    default = next((site.name for site in sites if site.is_default), None)
    current: dict[str, ServedRelease] = {}
    kept: dict[str, EngageError] = {}
    for site in sites:
        for release in releases:
            if release.site == site.name and release.state is ReleaseState.CURRENT:
                try:
                    key = store.private_key(site.name, release.number) if with_private_keys else None
                    served = _served(site, release, public_http_port, key)
                    try_out(served)
                except (SealBroken, Conflict, Refused, NotFound) as error:
                    if site.name not in last.current:
                        raise
                    served, kept[site.name] = last.current[site.name], error
                current[site.name] = served
    members_version = store.devices_versions() if with_devices else {}
    ders = _ders(releases)
    return Snapshot(
        generation=generation,
        current=current,
        by_host={host.text: site.name for site in sites for host in site.hosts},
        by_serial=_serials_of_others(store, sites, default) if with_devices else {},
        default_site=default,
        networks={site.name: site.device_networks for site in sites if site.device_networks},
        ders=ders,
        by_local_address=_local_addresses(sites),
        kept=kept,
        call_ins={site.name: site.call_in for site in sites},
        members=_members(store, sites, last, members_version) if with_devices else {},
        members_version=members_version,
        static_certificates=_static_certificates(store, ders),
        for_trials=frozenset(site.name for site in sites if site.for_trials),
    )


def _members(
    store: ServedStore, sites: Sequence[Site], last: Snapshot, versions: Mapping[str, str]
) -> dict[str, SerialSet]:
    """The devices of each site, read again only if they changed: there may be a million."""
    return {
        site.name: last.members[site.name]
        if site.name in last.members and last.members_version.get(site.name) == versions.get(site.name)
        else SerialSet(store.device_serials(site.name))
        for site in sites
    }


def _static_certificates(store: ServedStore, ders: Mapping[str, ServedDer]) -> dict[tuple[str, str], ServedAnswer]:
    """The files of the vendor's sample. If a file is a release's anchor, its download counts for that release."""
    found: dict[tuple[str, str], ServedAnswer] = {}
    for each in store.static_certificates():
        anchor = ders.get(digest_of(each.der))
        release = anchor.answer.release if anchor is not None and anchor.answer.site == each.site else 0
        found[each.site, each.name] = ServedAnswer(each.der, each.site, release)
    return found


def _local_addresses(sites: Sequence[Site]) -> dict[str, str]:
    """The sites by local address: hosts that are addresses, overridden by another site's ``local_addresses``.

    The default site's are left out, because it is the fallback anyway.
    """
    of_hosts = {host.text: site.name for site in sites for host in site.hosts if host.is_address}
    found = of_hosts | {address: site.name for site in sites for address in site.local_addresses}
    defaults = {site.name for site in sites if site.is_default}
    return {address: name for address, name in found.items() if name not in defaults}


def _served(site: Site, release: Release, port: int, key: Secret | None) -> ServedRelease:
    notices = {
        host.text: ServedAnswer(
            notice_bytes(cert_url(host, port, release.anchor_der), release.anchor_hash), site.name, release.number
        )
        for host in site.hosts
    }
    return ServedRelease(
        site=site.name,
        number=release.number,
        notices=notices,
        notice=notices[site.hosts[0].text],
        chain=release.chain,
        root=release.root_der,
        chain_digest=digest_of(release.chain[0]),
        private_key=key,
    )


def _serials_of_others(store: ServedStore, sites: Sequence[Site], default: str | None) -> dict[str, str]:
    """The sites by serial number, without the default site, which is the fallback anyway."""
    others = [site.name for site in sites if site.name != default]
    return {serial: name for name in others for serial in store.device_serials(name)}


def _ders(releases: Sequence[Release]) -> dict[str, ServedDer]:
    """The anchors by digest, of releases in every state.

    A device may have a notice of the last release, or of the next one from a server that is a moment ahead. Several
    releases may have the same anchor. A download counts for one of them:

    1. It counts for the first site, by name.
    2. Within that site it counts for the current release, if that has this anchor.
    3. Otherwise it counts for the newest release.
    """
    found: dict[str, ServedDer] = {}
    current = {(release.site, release.number) for release in releases if release.state is ReleaseState.CURRENT}
    for release in releases:
        digest = digest_of(release.anchor_der)
        known = found.get(digest)
        sites = frozenset({release.site}) | (known.sites if known else frozenset())
        # a renewal keeps the anchor: it counts for the current release, not for one that is only staged
        stays = known is not None and (known.answer.site, known.answer.release) in current
        of_another_site = known is not None and known.answer.site != release.site
        answer = (
            known.answer
            if known and (of_another_site or stays)
            else ServedAnswer(release.anchor_der, release.site, release.number)
        )
        found[digest] = ServedDer(answer, sites)
    return found
