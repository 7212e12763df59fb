"""A rotation: from one current release to the next, step by step."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RotationWay(StrEnum):
    """How the next release follows the current one, from the safest to the boldest. Values are stored."""

    SERVER_RENEWAL = "server-renewal"  # the same issuer; no device notices
    INTERMEDIATE_RENEWAL = "intermediate-renewal"  # the same root
    ROOT_RENEWAL = "root-renewal"  # the root's own key and name, later dates: old anchors stay valid until they end
    LINKED_REKEY = "linked-rekey"  # a new root, vouched for by the old one (NewWithOld, RFC 4210 section 4.4)
    CUT_OVER = "cut-over"  # a new root at once: each device fails TLS once, and fetches the new anchor by itself


class RotationState(StrEnum):
    """Where a rotation stands. Values are stored."""

    PREPARING = "preparing"  # chains are being built and staged: nothing of it is served
    WAITING = "waiting"  # for the sites of the waves before
    RUNNING = "running"  # a release of it is served, and the gate watches
    HELD = "held"  # a person has to decide
    DONE = "done"
    ABORTED = "aborted"  # by a person
    ROLLED_BACK = "rolled-back"  # by itself: more devices were lost than the limit allows

    @property
    def is_open(self) -> bool:
        """Whether it still goes on."""
        return self in (RotationState.PREPARING, RotationState.WAITING, RotationState.RUNNING, RotationState.HELD)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many devices, as a count and as a percentage, because sites are small.

    Attributes:
        count: Devices.
        percent: Of those that count, 0 to 100.
    """

    count: int
    percent: float

    def smaller(self, devices: int) -> int:
        """Both must hold: the smaller of the two."""
        return min(self.count, int(devices * self.percent / 100))

    def larger(self, devices: int) -> int:
        """Either must be passed: the larger of the two."""
        return max(self.count, int(devices * self.percent / 100))


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """When a rotation goes on, and when it turns back.

    Attributes:
        missing: So many devices may be without a confirmation when it goes on; both figures must hold.
        lost: With more lost devices it rolls back by itself; both figures must be passed.
        soak_hours: So long each release is served at least.
        asks: Whether a person has to approve each step after the first.
        only_listed: Whether only devices on the operators' list count.
    """

    missing: Limit = Limit(0, 0.0)
    lost: Limit = Limit(2, 2.0)
    soak_hours: float = 24.0
    asks: bool = False
    only_listed: bool = False


@dataclass(frozen=True, slots=True)
class Rotation:
    """One rotation of one site.

    Attributes:
        number: Unique in the installation.
        site: The site's name.
        way: How.
        state: Where it stands.
        from_release: What was current when it began, and is current again after an abort.
        releases: Its releases, in the order in which they are served.
        step: How many of them were activated.
        step_at: Since when the last of those is served; aware. When it began, before the first.
        folder: Where its chains were built.
        policy: Of the gate.
        after: Sites whose rotations have to be done before this one begins.
        started_at, ended_at: Aware, UTC.
        started_by: Who.
        why: Why it is held or has ended; "" otherwise.
        approved: Whether a person has let the next step pass.
        looked_at, looked_boot, looked_clock: The last look of the gate: by the wall clock (aware), the boot of the
            machine that looked (its id; "" for none), and the seconds since that boot. None, "" and 0 before the first.
        soaked_seconds: What the looks at the release that is served now add up to.
        unsure_until, unsure_why: A clock was set meanwhile: until then nothing is judged; None and "" otherwise.
    """

    number: int
    site: str
    way: RotationWay
    state: RotationState
    from_release: int
    releases: tuple[int, ...]
    step: int
    step_at: datetime
    folder: str
    policy: GatePolicy
    after: tuple[str, ...]
    started_at: datetime
    started_by: str
    ended_at: datetime | None = None
    why: str = ""
    approved: bool = False
    looked_at: datetime | None = None
    looked_boot: str = ""
    looked_clock: float = 0.0
    soaked_seconds: float = 0.0
    unsure_until: datetime | None = None
    unsure_why: str = ""

    @property
    def served(self) -> int:
        """The release of it that is served now, or the one that it began with."""
        return self.releases[self.step - 1] if self.step else self.from_release

    @property
    def next_release(self) -> int | None:
        """The release that the next step serves; None where there is none, or none is staged yet."""
        return self.releases[self.step] if self.step < len(self.releases) else None

    @property
    def is_last_step(self) -> bool:
        """Whether all of its releases were activated."""
        return bool(self.releases) and self.step == len(self.releases)
