"""A rotation: from one current release to the next, step by step."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RotationWay(StrEnum):
    """How the next release follows the current one, from the safest to the boldest. Values are stored."""

    SERVER_RENEWAL = "server-renewal"  # the same issuer; devices notice nothing
    INTERMEDIATE_RENEWAL = "intermediate-renewal"  # the same root
    ROOT_RENEWAL = "root-renewal"  # the root's own key and name, later dates: old anchors stay valid until they expire
    LINKED_REKEY = "linked-rekey"  # a new root, certified by the old one (NewWithOld, RFC 4210 section 4.4)
    CUT_OVER = "cut-over"  # a new root at once: each device fails TLS once, then fetches the new anchor by itself


class RotationState(StrEnum):
    """The state of a rotation. Values are stored."""

    PREPARING = "preparing"  # its chains are being built and staged; none of them is served
    WAITING = "waiting"  # for the sites of earlier waves
    RUNNING = "running"  # one of its releases is served, and the gate watches
    HELD = "held"  # paused: a person has to decide
    DONE = "done"
    ABORTED = "aborted"  # by a person
    ROLLED_BACK = "rolled-back"  # by itself: more devices were lost than the limit allows

    @property
    def is_open(self) -> bool:
        """Whether it is not finished."""
        return self in (RotationState.PREPARING, RotationState.WAITING, RotationState.RUNNING, RotationState.HELD)


@dataclass(frozen=True, slots=True)
class Limit:
    """A number of devices, both as a count and as a percentage, because sites are small.

    Attributes:
        count: Devices.
        percent: Of the devices that count, 0 to 100.
    """

    count: int
    percent: float

    def smaller(self, devices: int) -> int:
        """Return the smaller of the two: both must hold."""
        return min(self.count, int(devices * self.percent / 100))

    def larger(self, devices: int) -> int:
        """Return the larger of the two: both must be exceeded."""
        return max(self.count, int(devices * self.percent / 100))


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """When a rotation goes on, and when it rolls back.

    Attributes:
        missing: How many devices may lack a confirmation when it goes on. Both figures must hold.
        lost: If more devices are lost, it rolls back by itself. Both figures must be exceeded.
        soak_hours: How many hours each release is served at least.
        asks: Whether a person has to approve each step after the first.
        only_listed: Whether only devices on the operators' list count.
    """

    missing: Limit = Limit(0, 0.0)
    lost: Limit = Limit(2, 2.0)
    soak_hours: float = 24.0
    asks: bool = False
    only_listed: bool = False


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's approval of one step of a rotation. It stands until the rotation ends.

    Attributes:
        step: How many of the rotation's releases were activated when it was given: it allows the next step, and no
            later one.
        person: Who. What the audit log has, if that names nobody in particular.
        at: Aware, UTC.
        reason: Why, in their words.
        is_alone: Whether a second person was needed, and this one went on without.
    """

    step: int
    person: str
    at: datetime
    reason: str
    is_alone: bool = False


@dataclass(frozen=True, slots=True)
class Rotation:
    """One rotation of one site.

    Attributes:
        number: Unique in the installation.
        site: The site's name.
        way: How the next release follows the current one.
        state: Its state.
        from_release: The release that was current when it began, and is current again after an abort.
        releases: Its releases, in the order in which they are served.
        step: How many of them were activated.
        step_at: Since when the last of those has been served; aware. Before the first: when it began.
        folder: Where its chains were built.
        policy: The gate's policy.
        after: Sites whose rotations must be done before this one begins.
        started_at, ended_at: Aware, UTC.
        started_by: Who started it.
        why: Why it is paused or has ended; "" otherwise.
        approvals: All of its approvals, oldest first. The store reads them and never writes them with a rotation: a
            decision from before an approval must not take it away.
        looked_at, looked_boot, looked_clock: The time of the gate's last check by the wall clock (aware), the id of
            that machine's boot ("" for none), and the seconds since it. None, "" and 0 before the first check.
        soaked_seconds: The total soak time that the checks of the present release have counted.
        unsure_until, unsure_why: A clock was set meanwhile, so nothing is judged until then. None and "" otherwise.
        postponed_since: Since when the gate has put off a decision because the path to the site is or was cut. None:
            it puts off none.
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
    approvals: tuple[Approval, ...] = ()
    looked_at: datetime | None = None
    looked_boot: str = ""
    looked_clock: float = 0.0
    soaked_seconds: float = 0.0
    unsure_until: datetime | None = None
    unsure_why: str = ""
    postponed_since: datetime | None = None

    @property
    def approvals_now(self) -> tuple[Approval, ...]:
        """Those of the present step. The ones of earlier steps allow nothing any more."""
        return tuple(each for each in self.approvals if each.step == self.step)

    @property
    def approved(self) -> bool:
        """Whether anybody has approved the next step. Whether that is enough is for the site's rule to say."""
        return bool(self.approvals_now)

    @property
    def served(self) -> int:
        """The release of it that is served now, or the one that it began with."""
        return self.releases[self.step - 1] if self.step else self.from_release

    @property
    def next_release(self) -> int | None:
        """The release that the next step serves. None if there is none, or it is not staged yet."""
        return self.releases[self.step] if self.step < len(self.releases) else None

    @property
    def is_last_step(self) -> bool:
        """Whether all of its releases were activated."""
        return bool(self.releases) and self.step == len(self.releases)
