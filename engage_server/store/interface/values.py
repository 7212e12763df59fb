"""What goes into a store's methods and comes out of them, beside the records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from engage_server.records import DeviceHistory, Host, Sighting


@dataclass(frozen=True, slots=True)
class ReleaseDraft:
    """A release before it has a number. The attributes are those of :class:`Release`."""

    site: str
    anchor_der: bytes = field(repr=False)
    anchor_hash: str
    chain: tuple[bytes, ...] = field(repr=False)
    root_der: bytes = field(repr=False)
    public_key: bytes = field(repr=False)
    staged_at: datetime
    hosts: tuple[Host, ...] = ()


@dataclass(frozen=True, slots=True)
class AnchorClue:
    """What tells which trust anchor some devices of a site hold.

    Attributes:
        fetched_release: Whose DER they downloaded last; 0 for none.
        finished_release: Whose chain they accepted last; 0 for none.
        fetched_since: Whether they downloaded it after that: then it is not proven which of the two they hold.
        is_stranger: Whether operators gave a list of the site's devices, and these are not on it.
        devices: How many.
    """

    fetched_release: int
    finished_release: int
    fetched_since: bool
    is_stranger: bool
    devices: int


Place = tuple[str, str]  # a site's name, and an identity or an address in it


class Fold(Protocol):
    """Makes of what was known of some devices, and of what was seen now, what is known from now on. Pure."""

    def __call__(
        self,
        known: Mapping[Place, DeviceHistory],
        serials_at: Mapping[Place, Sequence[str]],
        found: Sequence[Sighting],
        now: datetime,
    ) -> Sequence[DeviceHistory]:
        """Fold.

        Args:
            known: The histories of all identities and addresses of the batch that have one.
            serials_at: The serial numbers that called from each address of the batch lately: none, the only one, or
                some of several.
            found: The batch, in the order in which it happened on one host.
            now: The time by the clock of who brings the batch.

        Returns:
            The histories that changed or are new.
        """


@dataclass(frozen=True, slots=True)
class TroubleFilter:
    """A sieve for devices that seem to be in trouble. It lets through all that are, and may let others through.

    Attributes:
        at: The time of the question. Aware.
        report_codes: The event codes of an audit that tell of trouble.
    """

    at: datetime
    report_codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices of a site.

    Attributes:
        release: The release that their grade is told for; None for none.
        missing: Only those that have not finished a handshake with it.
        trouble: Only those that can be in trouble; None for all.
        after: Only those behind this device in the order of the answer: where a page before ended.
        limit: At most so many; None for all.
    """

    release: int | None = None
    missing: bool = False
    trouble: TroubleFilter | None = None
    after: DeviceHistory | None = None
    limit: int | None = None
