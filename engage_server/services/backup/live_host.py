"""Asks a live host for what it gives to devices, and compares it with a restored backup, byte by byte."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from engage_server.errors import EngageError
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.target import Target
from engage_server.lock.transport.download import Notice, get, read_notice
from engage_server.lock.transport.tls import presented_chain
from engage_server.pki.encodings import der as der_of
from engage_server.protocol.paths import NOTICE
from engage_server.protocol.site_key import anchor_hash, hashes_equal
from engage_server.records import Release, Secret
from engage_server.services.backup.served import ServedBytes, parts

# larger than a device's, so that a long answer is compared and not refused
_LIMITS = DeviceLimits(body_bytes=1 << 20, header_bytes=1 << 16)


@dataclass(frozen=True, slots=True)
class LiveSite:
    """What a live host gave for one site.

    Attributes:
        site: The site.
        differing: What is not the same as in the backup, such as ``the TLS chain``. Empty: all bytes are the same.
        is_of_same_key: Whether its notice was made with the site key in the backup.
        current: The release that is current in the backup.
        release: The release in the backup that has the live anchor and chain. None: no release has.
        trouble: Why it could not be asked. "" if it could.
    """

    site: str
    current: int
    differing: Sequence[str] = ()
    is_of_same_key: bool = True
    release: int | None = None
    trouble: str = ""


class LiveHost:
    """A host that serves now.

    Args:
        target: Its address. The Host header and the server name are those of the sites.
        site_key: Opens the key of a site, from the backup.
        releases: All releases in the backup.
    """

    def __init__(self, target: Target, site_key: Callable[[str], Secret], releases: Sequence[Release]) -> None:
        self._target = target
        self._site_key = site_key
        self._releases = releases

    def look_at(self, restored: Sequence[ServedBytes]) -> Iterator[LiveSite]:
        """Ask for each of these sites, by all of its host names."""
        for each in restored:
            try:
                yield self._site(each)
            except (EngageError, DeviceRefusal) as error:
                yield LiveSite(each.site, each.release, trouble=error.sentence)

    def _site(self, restored: ServedBytes) -> LiveSite:
        notices = {host: self._body(NOTICE, host) for host in restored.notices}
        first = next(iter(notices))
        notice = self._notice(first)
        der = self._body(urlsplit(notice.cert_url).path, first)
        shown = presented_chain(self._target.host, self._target.https_port, _LIMITS, server_name=first)
        chain = tuple(der_of(certificate) for certificate in shown.certificates)
        live = ServedBytes(restored.site, restored.release, notices, der, chain)
        return LiveSite(
            restored.site,
            restored.release,
            tuple(parts(restored.digests, live.digests)),
            hashes_equal(anchor_hash(self._site_key(restored.site), der), notice.hash),
            self._release_of(live),
        )

    def _notice(self, host: str) -> Notice:
        return read_notice(get(self._target.host, self._target.http_port, NOTICE, _LIMITS, named=host), _LIMITS)

    def _body(self, path: str, host: str) -> bytes:
        return get(self._target.host, self._target.http_port, path, _LIMITS, named=host).body

    def _release_of(self, live: ServedBytes) -> int | None:
        """The release in the backup that has the live anchor and chain."""
        same = (
            each.number
            for each in self._releases
            if (each.site, each.anchor_der, each.chain) == (live.site, live.der, live.chain)
        )
        return next(same, None)


def difference_in_time(site: LiveSite) -> str:
    """Say why a live host differs that has the same site key: another release was activated since."""
    what = ", ".join(site.differing)
    if site.release == site.current:
        return f"the live host serves the same release, with other hosts or another port. Different: {what}"
    if site.release is not None:
        return f"the live host now serves release {site.release} of this backup. Different: {what}"
    return (
        f"the live host now serves a release that this backup does not have: it is newer. Make a new backup. "
        f"Different: {what}"
    )
