"""Whether a rotation goes on, waits, asks, or turns back. Pure: a function of its state, the counts, and the time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from engage_server.records import Adoption, Rotation


class Verdict(StrEnum):
    """What the gate says."""

    WAIT = "wait"
    GO_ON = "go-on"
    ASK = "ask"  # a person has to decide
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
        rotation: Running; at least one of its releases was activated.
        adoption: How the site's devices stand with that release.
        now: Aware.
    """
    policy, devices = rotation.policy, adoption.devices
    if rotation.approved:
        return Decision(Verdict.GO_ON, "a person has let it pass")
    if not devices:
        return Decision(Verdict.ASK, "no device was well before this step: there is nothing that could be proven")
    limit = policy.lost.larger(devices)
    if adoption.lost > limit:
        return Decision(
            Verdict.ROLL_BACK,
            f"{adoption.lost} of {devices} devices are lost ({adoption.looping} loop, {adoption.silent} have missed "
            f"their habit); the limit is {limit}",
        )
    soaks_until = rotation.step_at + timedelta(hours=policy.soak_hours)
    if now < soaks_until:
        return Decision(
            Verdict.WAIT, f"it is served for at least {policy.soak_hours:g} hours, until {_time(soaks_until)}"
        )
    allowed = policy.missing.smaller(devices)
    if adoption.missing <= allowed:
        if policy.asks and not rotation.is_last_step:
            return Decision(Verdict.ASK, f"{_came(adoption)}; the next step is yours to approve")
        return Decision(Verdict.GO_ON, _came(adoption))
    if not adoption.waiting:
        return Decision(
            Verdict.ASK,
            f"{_came(adoption)}; {adoption.lost} are lost and nobody is still due: look after them, or let it pass",
        )
    return Decision(Verdict.WAIT, f"{_came(adoption)}; {adoption.waiting} are still due, {allowed} may be missing")


def _came(adoption: Adoption) -> str:
    return f"{adoption.confirmed} of {adoption.devices} devices came through"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
