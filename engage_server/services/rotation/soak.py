"""How long a release was served, by the sum of the looks at it; and clocks that were set meanwhile. Pure.

A difference of two times is worth what the clock is worth that gave them: one that runs 25 h ahead for eight seconds
would pass a soak of 24 h, and one that runs four days ahead makes every device look silent. So each look adds what has
passed since the one before, by whichever of two clocks says less; and where the two disagree, nothing is judged for a
night: until then every device will have called under the right time.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from engage_server.records import BootClock, Occasion, Rotation

NIGHT = timedelta(hours=24)
_DISAGREE = 600.0  # seconds; less is a clock that is kept right in small steps
# Of several machines one measures; another one takes over when that has not looked for so long. Longer than the
# longest setting of gate_seconds, or machines whose clocks differ would take turns, and count the difference.
_TAKES_OVER = timedelta(minutes=20)
_UNSEEN = timedelta(hours=1)  # a time that no clock has measured from end to end counts, if it is no longer than this


def looked(rotation: Rotation, occasion: Occasion) -> Rotation:
    """The rotation after one more look of who may move it on. The same value where this look changes nothing.

    Args:
        rotation: With the looks before.
        occasion: The look.
    """
    now, clock = occasion.now, occasion.clock
    before = _without_passed_doubt(rotation, now)
    if rotation.looked_at is None:
        return _noted(before, occasion, 0.0)
    wall = (now - rotation.looked_at).total_seconds()
    if clock is None:
        return _noted(before, occasion, max(0.0, wall))
    if clock.boot and clock.boot == rotation.looked_boot and clock.seconds >= rotation.looked_clock:
        ran = clock.seconds - rotation.looked_clock
        after = _noted(before, occasion, max(0.0, min(wall, ran)))
        if abs(wall - ran) <= _DISAGREE:
            return after
        return _unsure(after, now, f"the clock was set: it went on by {_text(wall)} while {_text(ran)} passed")
    if abs(wall) <= _TAKES_OVER.total_seconds() and rotation.looked_boot not in ("", clock.boot):
        return before  # another machine measures, and has looked just now
    if -_DISAGREE <= wall <= _UNSEEN.total_seconds():
        # while in doubt it counts nothing: two machines of which one is wrong would add up their difference by turns
        return _noted(before, occasion, 0.0 if before.unsure_until else max(0.0, wall))
    after = _noted(before, occasion, 0.0)
    lies = f"{_text(wall)} ago" if wall > 0 else f"{_text(-wall)} ahead"
    alone = f"this machine, which has run for {_text(clock.seconds)}, did not make it"
    return _unsure(after, now, f"by the clock the last look is {lies}, and {alone}: it was off, or a clock is wrong")


def begun(rotation: Rotation, occasion: Occasion) -> Rotation:
    """The rotation whose next release is served from now on: it has not soaked yet."""
    return replace(_noted(rotation, occasion, 0.0), soaked_seconds=0.0)


def _noted(rotation: Rotation, occasion: Occasion, passed: float) -> Rotation:
    clock = occasion.clock or BootClock("", 0.0)
    # what is served since a time to come was activated under a clock that was ahead
    is_ahead = rotation.step_at > occasion.now + timedelta(seconds=_DISAGREE)
    return replace(
        rotation,
        step_at=occasion.now if is_ahead else rotation.step_at,
        looked_at=occasion.now,
        looked_boot=clock.boot,
        looked_clock=clock.seconds,
        soaked_seconds=rotation.soaked_seconds + passed,
    )


def _unsure(rotation: Rotation, now: datetime, why: str) -> Rotation:
    return replace(rotation, unsure_until=now + NIGHT, unsure_why=why)


def _without_passed_doubt(rotation: Rotation, now: datetime) -> Rotation:
    """A doubt ends a night later; one that reaches further was written under a clock that was ahead."""
    until = rotation.unsure_until
    if until is None:
        return rotation
    if until <= now:
        return replace(rotation, unsure_until=None, unsure_why="")
    return replace(rotation, unsure_until=min(until, now + NIGHT))


def _text(seconds: float) -> str:
    """A duration, with its sign where it is behind."""
    sign, rest = ("-" if seconds < 0 else ""), abs(seconds)
    if rest < 120:
        return f"{sign}{rest:.0f} s"
    return f"{sign}{rest / 60:.0f} min" if rest < 7200 else f"{sign}{rest / 3600:.1f} h"
