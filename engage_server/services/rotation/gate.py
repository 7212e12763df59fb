"""Whether a rotation goes on, waits, asks, or turns back. Pure: a function of its state, the counts, and the time.

Devices cannot prove who they are. So what decides by itself is only what came from a device's usual address; whatever
comes from elsewhere can do one thing: make the rotation pause, and let a person look. ``docs/rotation.md`` has the
table, and what a stranger on the network can and cannot do.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engage_server.records import Adoption, Crowd, Limit, Rotation
from engage_server.services.rotation.gate_words import came, crowd_words, undecided_words

_CROWD = Limit(3, 10.0)  # either must be passed by who was named at one address that is nobody's own


class Verdict(StrEnum):
    """What the gate says."""

    WAIT = "wait"
    GO_ON = "go-on"
    ASK = "ask"  # it pauses: a person has to decide
    ROLL_BACK = "roll-back"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate says, and why."""

    verdict: Verdict
    why: str


def decide(rotation: Rotation, adoption: Adoption, now: datetime) -> Decision:
    """Judge the release that the rotation serves now.

    Silence counts as failure once a device has missed its own habit; before that it only waits.

    Args:
        rotation: Running; at least one of its releases was activated. How long that was is what its looks add up to.
        adoption: How the site's devices stand with that release.
        now: Aware.
    """
    if rotation.approved:
        return Decision(Verdict.GO_ON, "a person has let it pass")
    if is_unsure(rotation, now):
        return Decision(Verdict.WAIT, _unsure(rotation))
    if not adoption.devices:
        return Decision(Verdict.ASK, "no device was well before this step: there is nothing that could be proven")
    return _against(rotation, adoption) or _time_to_soak(rotation) or _for(rotation, adoption)


def is_unsure(rotation: Rotation, now: datetime) -> bool:
    """Whether a clock was set lately, so that nothing is judged."""
    return rotation.unsure_until is not None and now < rotation.unsure_until


def crowd_of(adoption: Adoption) -> Crowd | None:
    """The address that names too many devices which do not call from there, if there is one."""
    largest = adoption.crowds[0] if adoption.crowds else None
    if largest is None or largest.devices <= _CROWD.count:
        return None
    return largest if largest.devices > adoption.devices * _CROWD.percent / 100 else None


def _against(rotation: Rotation, adoption: Adoption) -> Decision | None:
    """What must not wait until the release has soaked."""
    limits, devices = rotation.policy.lost, adoption.devices
    # those that may be devices or not count where they make it more patient, and never where they make it bolder
    limit = limits.larger(devices + adoption.elsewhere)
    if adoption.lost > limit:
        return Decision(
            Verdict.ROLL_BACK,
            f"{adoption.lost} of {devices} devices are lost ({adoption.refused} refuse TLS from their usual address, "
            f"{adoption.silent} have missed their habit); the limit is {limit}",
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
    return Decision(Verdict.WAIT, f"it is served for at least {hours:g} hours, {_duration(left)} more")


def _for(rotation: Rotation, adoption: Adoption) -> Decision:
    policy, devices = rotation.policy, adoption.devices
    allowed = policy.missing.smaller(devices)
    if adoption.missing <= allowed and not adoption.elsewhere:
        if policy.asks and not rotation.is_last_step:
            return Decision(Verdict.ASK, f"{came(adoption)}; the next step is yours to approve")
        return Decision(Verdict.GO_ON, came(adoption))
    # where those that count for nothing are all that is in the way, to wait for others does not help
    if adoption.missing - adoption.undecided <= policy.missing.smaller(devices + adoption.elsewhere):
        return Decision(Verdict.ASK, f"{came(adoption)}; {undecided_words(adoption)}")
    if adoption.waiting:
        return Decision(Verdict.WAIT, f"{came(adoption)}; {adoption.waiting} are still due, {allowed} may be missing")
    return Decision(Verdict.ASK, f"{came(adoption)}; nobody is still due; {undecided_words(adoption)}")


def _unsure(rotation: Rotation) -> str:
    until = rotation.unsure_until
    return f"nothing is judged until {until:%Y-%m-%d %H:%M} UTC: {rotation.unsure_why}" if until else ""


def _duration(left: float) -> str:
    if left < 3600:
        return f"{max(1, round(left / 60))} min"
    return f"{left / 3600:.1f} h"
