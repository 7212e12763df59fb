"""Lets the gate wait for doors that may be silent only because nothing came through to their site. Pure.

What a link says is no proof of a door, and a partner may err or lie. So a cut never brings a rotation nearer to its
next step, and it never brings it back. It only puts off a decision that silence alone would have made:

1. The gate decides twice: once as if no path had ever been cut, and once with those doors waited for.
2. Where the evidence allows the next step without any cut, it goes on. Where the gate would wait anyway, it waits.
3. Where it would go back or ask, and would not with those doors waited for, it waits for them.
4. A cut of two nights is a person's business, and so is a decision that was put off for two nights. Then it asks. So a
   link that comes and goes puts nothing off for ever.
5. Where it would go back or ask even so, it does: refusals, and doors that were silent before, count as ever.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from engage_server.records import Adoption, CutPath, Rotation
from engage_server.services.rotation.gate.decision import Decision, Verdict, decide, is_unsure

TWO_NIGHTS = timedelta(hours=48)


def decide_with_path(rotation: Rotation, adoption: Adoption, path: CutPath | None, now: datetime) -> Decision:
    """Judge as :func:`.decision.decide` does, and wait for doors behind a cut path.

    Args:
        rotation: A running rotation, with at least one of its releases activated.
        adoption: How many of the site's devices came through, counted with ``path``.
        path: The path to the site. None: it was never cut.
        now: The time, timezone-aware.
    """
    patient = decide(rotation, adoption, now)
    if path is None or not adoption.excused:
        return patient
    without = decide(rotation, adoption.without_cut, now)
    if without.is_content or is_unsure(rotation, now):  # 2
        return without
    why = _why(adoption.excused, path)
    if without.verdict is Verdict.WAIT:  # 2
        return replace(patient, why=f"{patient.why}. Besides, {why}")
    if patient.verdict is Verdict.ROLL_BACK or (patient.verdict is Verdict.ASK and not patient.only_asks):  # 5
        return patient
    if is_over_two_nights(rotation, path, now):  # 4
        return Decision(Verdict.ASK, f"{why}. {_what_to_do(path)}", is_put_off=True)
    return Decision(Verdict.WAIT, why, is_put_off=True)  # 3


def is_over_two_nights(rotation: Rotation, path: CutPath, now: datetime) -> bool:
    """Whether the gate has been patient long enough to ask a person. A pause between two cuts gives no more time."""
    put_off = rotation.postponed_since
    cut_for = (path.cut.until or now) - path.waits_since(now)
    return cut_for >= TWO_NIGHTS or (put_off is not None and now - put_off >= TWO_NIGHTS)


def noted(rotation: Rotation, decision: Decision, now: datetime) -> Rotation:
    """The rotation with since when a decision is put off; the same value if nothing changes.

    A time in the future was written under a clock that was ahead.

    Args:
        rotation: The rotation.
        decision: The gate's decision now.
        now: The time, timezone-aware.
    """
    since = rotation.postponed_since
    if decision.is_put_off:
        return rotation if since is not None and since <= now else replace(rotation, postponed_since=now)
    return rotation if since is None or is_unsure(rotation, now) else replace(rotation, postponed_since=None)


def _why(doors: int, path: CutPath) -> str:
    cut, waits = path.cut, "1 door waits" if doors == 1 else f"{doors} doors wait"
    if cut.until is not None:
        return f"{waits}: the path to the site was cut until {cut.until:%Y-%m-%d %H:%M} UTC, and each gets a night"
    return f"{waits}: the path to the site is cut since {cut.since:%Y-%m-%d %H:%M} UTC, {path.why}"


def _what_to_do(path: CutPath) -> str:
    if path.cut.until is not None:
        return "Two nights are over: see whether they come, or go back"
    return f"Two nights are over: go back until it works, or fix it. {path.mend}"
