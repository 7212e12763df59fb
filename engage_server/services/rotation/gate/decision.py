"""Decides whether a rotation continues, waits, pauses or rolls back. Pure: its state, the counts and the time go in.

Devices cannot prove who they are. So only contacts from a device's usual address decide anything by themselves.
Contacts from anywhere else can do one thing: make the rotation pause until an operator decides. ``docs/rotation.md``
has the table, and says what a stranger on the network can and cannot do.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engage_server.records import Adoption, Crowd, Limit, Rotation
from engage_server.services.rotation.gate.words import came, crowd_words, undecided_words

_CROWD = Limit(3, 10.0)  # devices named at one address that is none of theirs: more than both limits is a crowd


class Verdict(StrEnum):
    """The decision of the gate."""

    WAIT = "wait"
    GO_ON = "go-on"
    ASK = "ask"  # it pauses: an operator has to decide
    ROLL_BACK = "roll-back"


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision of the gate, and the reason.

    Attributes:
        verdict: What happens now.
        why: Why.
        only_asks: Whether all evidence is there, and it asks a person only because the rotation was started so.
        is_put_off: Whether silence would have decided otherwise, and doors are waited for behind a cut path.
    """

    verdict: Verdict
    why: str
    only_asks: bool = False
    is_put_off: bool = False

    @property
    def is_content(self) -> bool:
        """Whether the evidence allows the next step."""
        return self.verdict is Verdict.GO_ON or self.only_asks


def decide(rotation: Rotation, adoption: Adoption, now: datetime) -> Decision:
    """Judge the release that the rotation serves now.

    What people approved is not its business: see ``second_person``.

    Silence counts as failure once a device has missed its own habit. Before that the gate only waits.

    Args:
        rotation: A running rotation, with at least one of its releases activated. Its looks add up to its soak time.
        adoption: How many of the site's devices came through with that release.
        now: The time, timezone-aware.
    """
    if is_unsure(rotation, now):
        return Decision(Verdict.WAIT, _unsure(rotation))
    if not adoption.devices:
        return Decision(Verdict.ASK, "no device was well before this step, so nothing can be proven")
    return _against(rotation, adoption) or _time_to_soak(rotation) or _for(rotation, adoption)


def is_unsure(rotation: Rotation, now: datetime) -> bool:
    """Whether a clock was set recently, so that nothing is judged for now."""
    return rotation.unsure_until is not None and now < rotation.unsure_until


def crowd_of(adoption: Adoption) -> Crowd | None:
    """The address that names too many devices that usually call from elsewhere, if there is one."""
    largest = adoption.crowds[0] if adoption.crowds else None
    if largest is None or largest.devices <= _CROWD.count:
        return None
    return largest if largest.devices > adoption.devices * _CROWD.percent / 100 else None


def _against(rotation: Rotation, adoption: Adoption) -> Decision | None:
    """The decisions that must not wait for the soak time: roll back, or pause."""
    limits, devices = rotation.policy.lost, adoption.devices
    # callers that may or may not be devices count only where they make the gate more patient
    limit = limits.larger(devices + adoption.elsewhere)
    if adoption.lost > limit:
        return Decision(
            Verdict.ROLL_BACK,
            f"{adoption.lost} of {devices} devices lost ({adoption.refused} refused TLS from the usual address, "
            f"{adoption.silent} missed the usual calls); the limit is {limit}",
        )
    crowd = crowd_of(adoption)
    if crowd is not None:
        return Decision(Verdict.ASK, crowd_words(adoption, crowd))
    suspects = adoption.lost + adoption.undecided + adoption.elsewhere
    if suspects > limits.larger(devices):
        return Decision(Verdict.ASK, f"{came(adoption)}; {undecided_words(adoption)}")
    return None


def _time_to_soak(rotation: Rotation) -> Decision | None:
    hours = rotation.policy.soak_hours
    left = hours * 3600 - rotation.soaked_seconds
    if left <= 0:
        return None
    return Decision(Verdict.WAIT, f"it must be served for {hours:g} hours, {_duration(left)} to go")


def _for(rotation: Rotation, adoption: Adoption) -> Decision:
    policy, devices = rotation.policy, adoption.devices
    allowed = policy.missing.smaller(devices)
    if adoption.missing <= allowed and not adoption.elsewhere:
        if policy.asks and not rotation.is_last_step:
            return Decision(Verdict.ASK, f"{came(adoption)}. The next step needs your approval", only_asks=True)
        return Decision(Verdict.GO_ON, came(adoption))
    # if only callers that count for nothing are in the way, waiting for others does not help
    if adoption.missing - adoption.undecided <= policy.missing.smaller(devices + adoption.elsewhere):
        return Decision(Verdict.ASK, f"{came(adoption)}; {undecided_words(adoption)}")
    if adoption.waiting:
        return Decision(
            Verdict.WAIT, f"{came(adoption)}; {adoption.waiting} still due, at most {allowed} may be missing"
        )
    return Decision(Verdict.ASK, f"{came(adoption)}, and none is still due; {undecided_words(adoption)}")


def _unsure(rotation: Rotation) -> str:
    until = rotation.unsure_until
    return f"nothing is judged until {until:%Y-%m-%d %H:%M} UTC: {rotation.unsure_why}" if until else ""


def _duration(left: float) -> str:
    if left < 3600:
        return f"{max(1, round(left / 60))} min"
    return f"{left / 3600:.1f} h"
