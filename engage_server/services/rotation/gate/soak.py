"""Measures how long a release was served, as the sum of the looks at it, and notices clocks that were set. Pure.

The difference of two times is only as good as the clock. A clock that runs 25 h ahead for eight seconds would pass a
soak of 24 h. One that runs four days ahead makes every device look silent. So each look adds the time since the look
before, by the wall clock or the boot clock, whichever is less. If the two disagree, nothing is judged for a night. By
then every device has called under the right time.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from engage_server.records import BootClock, Occasion, Rotation

NIGHT = timedelta(hours=24)
_DISAGREE = 600.0  # seconds; below that, a clock is being corrected in small steps
# One of several machines measures. Another one takes over when that one has not looked for this long. It is longer
# than the longest gate_seconds. Otherwise machines with different clocks would take turns and count the difference.
_TAKES_OVER = timedelta(minutes=20)
_UNSEEN = timedelta(hours=1)  # time that no single clock measured counts up to this length


def looked(rotation: Rotation, occasion: Occasion) -> Rotation:
    """The rotation after one more look; the same value if this look changes nothing.

    Args:
        rotation: The rotation with the looks before.
        occasion: When the look happened, by both clocks.
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
        return _unsure(after, now, f"the clock was set: it moved by {_text(wall)} while {_text(ran)} passed")
    if abs(wall) <= _TAKES_OVER.total_seconds() and rotation.looked_boot not in ("", clock.boot):
        return before  # another machine measures, and looked a short time ago
    if -_DISAGREE <= wall <= _UNSEEN.total_seconds():
        # in doubt nothing counts: two machines, one with a wrong clock, would add up their difference in alternation
        return _noted(before, occasion, 0.0 if before.unsure_until else max(0.0, wall))
    after = _noted(before, occasion, 0.0)
    lies = f"{_text(wall)} ago" if wall > 0 else f"{_text(-wall)} ahead"
    other = f"not by this machine, which has run for {_text(clock.seconds)}"
    why = f"by the clock the last look was {lies}, and {other}: a machine was off, or a clock is wrong"
    return _unsure(after, now, why)


def begun(rotation: Rotation, occasion: Occasion) -> Rotation:
    """The rotation as its next release begins to be served, with no soak time yet."""
    return replace(_noted(rotation, occasion, 0.0), soaked_seconds=0.0, postponed_since=None)


def _noted(rotation: Rotation, occasion: Occasion, passed: float) -> Rotation:
    clock = occasion.clock or BootClock("", 0.0)
    # a step time in the future was written under a clock that was ahead
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
    """The rotation without a doubt that has passed. A doubt that lasts longer than a night is from a wrong clock."""
    until = rotation.unsure_until
    if until is None:
        return rotation
    if until <= now:
        return replace(rotation, unsure_until=None, unsure_why="")
    return replace(rotation, unsure_until=min(until, now + NIGHT))


def _text(seconds: float) -> str:
    """A duration in words, with a minus sign if it is negative."""
    sign, rest = ("-" if seconds < 0 else ""), abs(seconds)
    if rest < 120:
        return f"{sign}{rest:.0f} s"
    return f"{sign}{rest / 60:.0f} min" if rest < 7200 else f"{sign}{rest / 3600:.1f} h"
