"""What devices are given, as bytes and as digests, and what differs between two of them. Pure."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engage_server.protocol.notice import digest_of
from engage_server.protocol.paths import der_path
from engage_server.services.backup.archive.manifest import ServedSite
from engage_server.services.distribution.snapshot import ServedRelease, Snapshot


@dataclass(frozen=True, slots=True)
class ServedBytes:
    """What one site gives to devices.

    Attributes:
        site: Its name.
        release: The number of its current release.
        notices: The notice for each of its hosts.
        der: The trust anchor that the notices name.
        chain: The certificates that TLS sends, as DER.
    """

    site: str
    release: int
    notices: Mapping[str, bytes] = field(repr=False)
    der: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)

    @property
    def hash(self) -> str:
        """The hash in the notice, which a device compares with that of the anchor."""
        return str(json.loads(next(iter(self.notices.values())))["hash"])

    @property
    def digests(self) -> ServedSite:
        """The same as digests."""
        notices = {host: _sha256(notice) for host, notice in sorted(self.notices.items())}
        return ServedSite(self.site, self.release, notices, _sha256(self.der), _sha256(b"".join(self.chain)))


def served_bytes(snapshot: Snapshot) -> list[ServedBytes]:
    """Return what each site gives, by name. A site without a current release gives nothing, and is not in it."""
    return [_of_release(snapshot, release) for _, release in sorted(snapshot.current.items())]


def _of_release(snapshot: Snapshot, release: ServedRelease) -> ServedBytes:
    notices = {host: answer.content for host, answer in release.notices.items()}
    der = _named_der(snapshot, release.notice.content)
    return ServedBytes(release.site, release.number, notices, der, release.chain)


def _named_der(snapshot: Snapshot, notice: bytes) -> bytes:
    """The anchor as a device gets it: by the address in the notice."""
    url = str(json.loads(notice)["cert_url"])
    found = (each.answer.content for each in snapshot.ders.values())
    return next(der for der in found if url.endswith(der_path(digest_of(der))))


def differences(wanted: Sequence[ServedSite], found: Sequence[ServedSite]) -> Iterator[str]:
    """Say what a restored installation would serve that the manifest does not say, one sentence for each.

    Args:
        wanted: What it should be, by the manifest.
        found: What it is.
    """
    by_name = {each.site: each for each in found}
    for each in wanted:
        other = by_name.pop(each.site, None)
        if other is None:
            yield f"{each.site}: the manifest says that it serves release {each.release}, but it would serve nothing"
            continue
        if other.release != each.release:
            yield f"{each.site}: it would serve release {other.release}, but the manifest says {each.release}"
        yield from (f"{each.site}: {what} is not the one in the manifest" for what in parts(each, other))
    yield from (f"{site}: it would be served, but the manifest does not name it" for site in by_name)


def parts(one: ServedSite, other: ServedSite) -> Iterator[str]:
    """Name what differs between two."""
    for host in sorted(one.notices.keys() | other.notices.keys()):
        if one.notices.get(host) != other.notices.get(host):
            yield f"the notice for {host}"
    if one.der != other.der:
        yield "the trust anchor (DER)"
    if one.chain != other.chain:
        yield "the TLS chain"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
