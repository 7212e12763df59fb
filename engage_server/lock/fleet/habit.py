"""When the devices of a fleet call: each has its habit within the night's window, and keeps it."""

from array import array
from enum import StrEnum
from random import Random

_MINUTE = 60.0  # seconds
_CLUSTERS = 7
_CLUSTER_SPREAD = 0.02  # of the window


class Arrival(StrEnum):
    """How a fleet's devices come."""

    SPREAD = "spread"  # evenly over the window
    MINUTE = "minute"  # all within the window's first minute, or the whole window if that is shorter
    CLUSTERS = "clusters"  # in some crowds: the devices of one building call together


def habits(count: int, seconds: float, arrival: Arrival, seed: int) -> "array[float]":
    """The second within the window at which each device calls, by device number.

    Args:
        count: Of devices.
        seconds: The window's length.
        arrival: How they come.
        seed: The same seed, the same habits.
    """
    random = Random(seed)  # noqa: S311  # nothing is kept secret by it
    if arrival is Arrival.SPREAD:
        return array("d", (random.random() * seconds for _ in range(count)))
    if arrival is Arrival.MINUTE:
        return array("d", (random.random() * min(_MINUTE, seconds) for _ in range(count)))
    centres = [random.random() * seconds for _ in range(_CLUSTERS)]
    drawn = (random.gauss(random.choice(centres), _CLUSTER_SPREAD * seconds) for _ in range(count))
    return array("d", (min(max(each, 0.0), seconds) for each in drawn))


def in_order(seconds: "array[float]") -> "array[int]":
    """The device numbers in the order in which they call."""
    return array("L", sorted(range(len(seconds)), key=seconds.__getitem__))
