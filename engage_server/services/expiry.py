"""Until when the certificates are valid that are served now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from engage_server.pki.encodings import read_der
from engage_server.services.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Expiry:
    """One certificate's end.

    Attributes:
        site: Whose current release it is in.
        role: ``server``, ``intermediate`` (``intermediate 2`` and so on, where there are several) or ``root``.
        not_after: Aware, UTC.
    """

    site: str
    role: str
    not_after: datetime

    def days_left(self, now: datetime) -> float:
        """Days until then; negative afterwards."""
        return (self.not_after - now).total_seconds() / 86400


def expiries(snapshot: Snapshot) -> Iterator[Expiry]:
    """Of every certificate of every current release."""
    for release in snapshot.current.values():
        for position, der in enumerate((*release.chain, release.root)):
            role = "root" if position == len(release.chain) else _role(position)
            yield Expiry(
                release.site,
                role,
                read_der(der, source=f"the {role} certificate of {release.site}").not_valid_after_utc,
            )


def _role(position: int) -> str:
    if position == 0:
        return "server"
    return "intermediate" if position == 1 else f"intermediate {position}"
