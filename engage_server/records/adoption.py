"""How the devices of a site stand with one release: the counts that the gate judges, and examples to show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Doubt(StrEnum):
    """Why a device counts neither for nor against a release. Values are shown to scripts."""

    CONTESTED = "contested"  # it calls from two addresses by turns
    SAYS_NO = "audit_says_no"  # one of its own audits says that it did not take the anchor
    PLAIN_LOOP = "loops_by_plain_http"  # downloads over and over, and no TLS refusal beside them
    REFUSED_SHARED = "refused_at_a_shared_address"  # several devices stand there: it cannot be told which one refused
    REFUSED_UNPROVEN = "refused_without_a_token"  # a refusal carries none, and this site counts nothing else
    NEW_ADDRESS = "lost_at_a_new_address"  # it moved during this step, and refuses or is silent there
    TOGETHER = "moved_together"  # it moved during this step, to an address that claims other devices, too
    SILENT_NO_HABIT = "silent_without_a_habit"  # fewer than three nights by TLS: it has none that it could miss
    SILENT_SHARED = "silent_at_a_shared_address"  # who shares the address could have called in its name before


@dataclass(frozen=True, slots=True)
class SuspectDevice:
    """One device as an example of its kind.

    Attributes:
        identity: Its serial number, or its address where it sends none.
        home: Its usual address.
        away: The other address that it was seen at; "" for none.
    """

    identity: str
    home: str
    away: str


@dataclass(frozen=True, slots=True)
class Crowd:
    """An address that is the usual one of none of the devices whose handshakes came from there.

    Attributes:
        address: As text.
        devices: How many devices were named there.
    """

    address: str
    devices: int


@dataclass(frozen=True, slots=True)
class Adoption:
    """How the devices of a site stand with one release, counted over those that were well before.

    A device is a serial number, or an address with a habit of three nights by TLS. It counts when it had finished a
    handshake from its usual address, and had not missed its habit, by ``since``.

    Attributes:
        release: Which.
        since: From when on it was served. Aware, UTC.
        devices: How many count.
        confirmed: Of them, those that finished a handshake with its chain since, from their usual address.
        waiting: Those that are not due yet.
        refused: Those that refused its chain by TLS from an address of theirs alone, and loop or missed their habit.
        silent: Those that have missed a habit of at least three nights, kept by TLS from an address of theirs alone.
        moved: Those that missed their habit, and were seen since at another address. They count for nothing.
        doubtful: The others, by why.
        new: Devices that were first seen since, and do not count.
        elsewhere: Devices that were not well at their usual address before, do not count, and were seen at another
            address lately: it cannot be told whether they ought to count.
        strangers: Devices that have finished TLS, and are not on the site's list. They do not count.
        crowds: Addresses that several of those that did not confirm were said to call from, the largest first.
        examples: A few of each kind, by the name of its attribute here, or by the doubt.
    """

    release: int
    since: datetime
    devices: int = 0
    confirmed: int = 0
    waiting: int = 0
    refused: int = 0
    silent: int = 0
    moved: int = 0
    doubtful: Mapping[Doubt, int] = field(default_factory=dict)
    new: int = 0
    elsewhere: int = 0
    strangers: int = 0
    crowds: tuple[Crowd, ...] = ()
    examples: Mapping[str, tuple[SuspectDevice, ...]] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Those that the release must be suspected of having locked out."""
        return self.silent + self.refused

    @property
    def undecided(self) -> int:
        """Those that nothing can be concluded from: not for the release, and not against it."""
        return self.moved + sum(self.doubtful.values())

    @property
    def missing(self) -> int:
        """Those that have not confirmed."""
        return self.devices - self.confirmed
