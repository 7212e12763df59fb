"""Two releases of a site side by side: what the second one changes, and which doors would accept it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from engage_server.services.releases.held_anchors import HeldAnchors
from engage_server.services.releases.lifecycle import Releases
from engage_server.services.releases.reception import Reception
from engage_server.services.releases.views.contents import CertificateContents, ReleaseContents, contents_of, left_words

_NONE = "none"
_DIGITS = 16  # of a fingerprint: enough to tell two apart by eye


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that releases have, in both of them.

    Attributes:
        what: What is compared, such as ``server ends``.
        first: How the first release has it.
        second: How the second one does.
    """

    what: str
    first: str
    second: str

    @property
    def is_same(self) -> bool:
        """Whether both have the same."""
        return self.first == self.second


@dataclass(frozen=True, slots=True)
class ReleaseComparison:
    """Two releases of one site.

    Attributes:
        first: One of them.
        second: The other one, which may follow it.
        rows: What they have, whether it is the same or not.
        reception: How the doors that certainly accept the first would respond to the second. Doors that may hold an
            anchor with which they refuse the first do not count.
    """

    first: ReleaseContents
    second: ReleaseContents
    rows: tuple[Difference, ...]
    reception: Reception

    @property
    def changes(self) -> tuple[Difference, ...]:
        """What is not the same."""
        return tuple(each for each in self.rows if not each.is_same)

    @property
    def sentence(self) -> str:
        """How many of those doors would accept the second release, with all figures."""
        found, second = self.reception, self.second.release.number
        if not found.devices:
            return f"no door is known to accept release {self.first.release.number} for certain"
        accept = found.devices - found.refuse - found.may_refuse
        doubt = f" and {_doors(found.may_refuse)} may refuse it" if found.may_refuse else ""
        accepts = "accepts" if found.devices == 1 else "accept"
        return (
            f"of {_doors(found.devices)} that {accepts} release {self.first.release.number}, {accept} would "
            f"accept release {second}, {found.refuse} would fail TLS{doubt}"
        )


def compared(
    releases: Releases, held_anchors: HeldAnchors, site: str, numbers: tuple[int, int], now: datetime
) -> ReleaseComparison:
    """Compare two releases of a site by their numbers.

    Raises:
        NotFound: There is no such site or release.
    """
    first, second = (contents_of(releases.one(site, number)) for number in numbers)
    return compare(first, second, held_anchors.reception(site, numbers[1], now, accepting=numbers[0]))


def compare(first: ReleaseContents, second: ReleaseContents, reception: Reception) -> ReleaseComparison:
    """Compare two releases. Pure.

    Args:
        first: One of them.
        second: Another one of the same site.
        reception: As in :class:`ReleaseComparison`.
    """
    return ReleaseComparison(first, second, tuple(_rows(first, second)), reception)


def _rows(first: ReleaseContents, second: ReleaseContents) -> Iterator[Difference]:
    yield Difference("anchor", _named(first.anchor), _named(second.anchor))
    yield Difference("hash that devices compare", first.release.anchor_hash, second.release.anchor_hash)
    yield Difference("names in the server certificate", _names(first), _names(second))
    for role in ("server", "intermediate", "root", "link"):
        of_first, of_second = first.of_role(role), second.of_role(role)
        if of_first or of_second:
            yield Difference(role, _all_named(of_first), _all_named(of_second))
            yield Difference(f"{role} ends", _ends(of_first), _ends(of_second))
    yield Difference("private key", _key(first), _key(second))
    yield Difference("bytes", f"{first.budget.total:,}", f"{second.budget.total:,}")
    yield Difference("bytes left", left_words(first.budget.left), left_words(second.budget.left))


def _named(certificate: CertificateContents) -> str:
    return f"{certificate.subject} ({certificate.fingerprint[:_DIGITS]})"


def _all_named(certificates: tuple[CertificateContents, ...]) -> str:
    return ", ".join(map(_named, certificates)) or _NONE


def _names(contents: ReleaseContents) -> str:
    return " ".join(contents.server.names) or _NONE


def _ends(certificates: tuple[CertificateContents, ...]) -> str:
    return ", ".join(f"{each.ends:%Y-%m-%d %H:%M} UTC" for each in certificates) or _NONE


def _key(contents: ReleaseContents) -> str:
    public = contents.release.public_key
    known = f"SHA-256 {hashlib.sha256(public).hexdigest()[:_DIGITS]}" if public else "not recorded"
    return known if contents.has_key else f"{known}, destroyed"


def _doors(count: int) -> str:
    return "1 door" if count == 1 else f"{count} doors"
