"""When the devices of a fleet call: each one calls at the same time in every night's window."""

from array import array
from enum import StrEnum
from random import Random

_MINUTE = 60.0  # seconds
_CLUSTERS = 7
_CLUSTER_SPREAD = 0.02  # as a fraction of the window


class Arrival(StrEnum):
    """How a fleet's calls are distributed."""

    SPREAD = "spread"  # evenly over the window
    MINUTE = "minute"  # all in the first minute of the window, or in the whole window if it is shorter
    CLUSTERS = "clusters"  # in groups: the devices of one building call together


def habits(count: int, seconds: float, arrival: Arrival, seed: int) -> "array[float]":
    """The second in the window at which each device calls, by device number.

    Args:
        count: The number of devices.
        seconds: The length of the window in seconds.
        arrival: How the calls are distributed.
        seed: The same seed gives the same times.
    """
    random = Random(seed)  # noqa: S311  # not used for anything secret
    if arrival is Arrival.SPREAD:
        return array("d", (random.random() * seconds for _ in range(count)))
    if arrival is Arrival.MINUTE:
        return array("d", (random.random() * min(_MINUTE, seconds) for _ in range(count)))
    centres = [random.random() * seconds for _ in range(_CLUSTERS)]
    drawn = (random.gauss(random.choice(centres), _CLUSTER_SPREAD * seconds) for _ in range(count))
    return array("d", (min(max(each, 0.0), seconds) for each in drawn))


def in_order(seconds: "array[float]") -> "array[int]":
    """The device numbers in the order of their calls."""
    return array("L", sorted(range(len(seconds)), key=seconds.__getitem__))
