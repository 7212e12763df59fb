"""How far the devices of a site have adopted a release: the counts that the gate judges, and examples to show."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from engage_server.records.label import NO_LABEL, DeviceLabel


class Doubt(StrEnum):
    """Why a device counts neither for nor against a release. Scripts see the values."""

    CONTESTED = "contested"  # it calls from two addresses alternately
    SAYS_NO = "audit_says_no"  # one of its own audits says that it did not accept the anchor
    PLAIN_LOOP = "loops_by_plain_http"  # it downloads over and over, but has not refused TLS
    REFUSED_SHARED = "refused_at_a_shared_address"  # several devices use this address: which one refused is not known
    REFUSED_UNPROVEN = "refused_without_a_token"  # a refusal has no token, and this site counts only those with one
    NEW_ADDRESS = "lost_at_a_new_address"  # it moved during this step, and refuses or is silent there
    TOGETHER = "moved_together"  # it moved during this step, to an address that also claims other devices
    SILENT_NO_HABIT = "silent_without_a_habit"  # fewer than three nights by TLS: it has no habit that it could miss
    SILENT_SHARED = "silent_at_a_shared_address"  # another device at its address may have called in its name before


SILENT = "silent"
# what a device that is silent can count as
SILENCES = frozenset({SILENT, Doubt.SILENT_NO_HABIT.value, Doubt.SILENT_SHARED.value})


@dataclass(frozen=True, slots=True)
class SuspectDevice:
    """One device as an example of its kind.

    Attributes:
        identity: Its serial number, or its address if it sends none.
        home: Its usual address.
        away: The other address where it was seen; "" for none.
        label: What people call it.
    """

    identity: str
    home: str
    away: str
    label: DeviceLabel = NO_LABEL


@dataclass(frozen=True, slots=True)
class Crowd:
    """An address where devices finished handshakes although it is the usual address of none of them.

    Attributes:
        address: As text.
        devices: How many devices were named there.
    """

    address: str
    devices: int


@dataclass(frozen=True, slots=True)
class Adoption:
    """How far the devices of a site have adopted a release. Only devices that were well before count.

    A device is a serial number, or an address with a habit of three nights by TLS. It counts if, by ``since``, it had
    finished a handshake from its usual address and had not missed its habit.

    Attributes:
        release: Which release.
        since: Since when it has been served. Aware, UTC.
        devices: How many devices count.
        confirmed: Of them, those that have since finished a handshake with its chain from their usual address.
        waiting: Those that are not due yet, and those ``behind_cut``.
        refused: Those that refused its chain by TLS from an address that only they use, and loop or missed their habit.
        silent: Those that missed a habit of at least three nights, kept by TLS from an address that only they use.
        moved: Those that missed their habit, and were since seen at another address. They count for nothing.
        doubtful: The others, by reason.
        new: Devices that were first seen since then, and do not count.
        behind_cut: Those that are late, and may be so only because the path to the site is or was cut. By what each
            counts as without that: ``silent``, or one of the doubts about silence.
        elsewhere: Devices that were not well at their usual address before, do not count, and were recently seen at
            another address. It is not known whether they ought to count.
        strangers: Devices that finished TLS but are not on the site's list. They do not count.
        crowds: Addresses that several devices without confirmation are said to call from, the largest first.
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
    behind_cut: Mapping[str, int] = field(default_factory=dict)
    crowds: tuple[Crowd, ...] = ()
    examples: Mapping[str, tuple[SuspectDevice, ...]] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """How many devices the release is suspected to have locked out."""
        return self.silent + self.refused

    @property
    def undecided(self) -> int:
        """How many devices allow no conclusion, neither for the release nor against it."""
        return self.moved + sum(self.doubtful.values())

    @property
    def excused(self) -> int:
        """How many late devices are waited for because the path to the site is or was cut."""
        return sum(self.behind_cut.values())

    @property
    def without_cut(self) -> "Adoption":
        """The same devices, counted as if no path had ever been cut."""
        doubts = {doubt: self.behind_cut.get(doubt.value, 0) + self.doubtful.get(doubt, 0) for doubt in Doubt}
        return replace(
            self,
            waiting=self.waiting - self.excused,
            silent=self.silent + self.behind_cut.get(SILENT, 0),
            doubtful={doubt: count for doubt, count in doubts.items() if count},
            behind_cut={},
        )

    @property
    def missing(self) -> int:
        """How many devices have not confirmed."""
        return self.devices - self.confirmed
