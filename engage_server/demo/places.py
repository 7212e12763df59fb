"""Names and places of doors that people could believe. Pure: the same numbers give the same names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from engage_server.records import DeviceLabel

_FLOORS = ("ground floor", "first floor", "second floor", "third floor", "fourth floor")
_ROOMS = (
    "Office {0}.{1:02}",
    "Office {0}.{1:02}",
    "Meeting room {0}.{1:02}",
    "Office {0}.{1:02}",
    "Store room {0}.{1:02}",
    "Laboratory {0}.{1:02}",
    "Kitchen {0}.{1:02}",
    "Server room {0}.{1:02}",
)
_WARD_ROOMS = (
    "Treatment room {0}{1:02}",
    "Patient room {0}{1:02}",
    "Patient room {0}{1:02}",
    "Medicine store {0}{1:02}",
)
_HALL_ROOMS = ("Loading dock {1}", "Cage {1}", "Tool store {1}")


@dataclass(frozen=True, slots=True)
class Building:
    """One building.

    Attributes:
        name: What people call it.
        floors: How many it has.
        entrances: The doors that it has beside its rooms.
        rooms: The names of its rooms, which repeat: {0} is the floor, {1} the number.
    """

    name: str
    floors: int
    entrances: Sequence[str] = ("Main entrance", "Side entrance")
    rooms: Sequence[str] = _ROOMS


CAMPUS = (
    Building("Main building", 5, ("North entrance", "South entrance", "Delivery entrance")),
    Building("Laboratory", 4),
    Building("East wing", 3),
    Building(
        "Library",
        3,
        ("Main entrance", "Archive"),
        ("Reading room {0}.{1:02}", "Office {0}.{1:02}", "Store room {0}.{1:02}"),
    ),
    Building("Workshop", 1, ("Gate", "Tool store"), ("Workshop {1}", "Store room {1}")),
    Building(
        "Sports hall", 2, ("Main entrance", "Side entrance"), ("Changing room {0}.{1:02}", "Equipment store {0}.{1:02}")
    ),
    Building("West wing", 3),  # the newest: its doors come late
)
CLINIC = (
    Building("North building", 3, ("Main entrance", "Ambulance entrance"), _WARD_ROOMS),
    Building("South building", 2, ("Visitors' entrance", "Pharmacy"), _WARD_ROOMS),
)
DEPOT = (Building("Hall 1", 1, ("Gate", "Office"), _HALL_ROOMS), Building("Hall 2", 1, ("Gate",), _HALL_ROOMS))


def labels(buildings: Sequence[Building], doors: int) -> list[DeviceLabel]:
    """Names for this many doors, building by building, each name and place once.

    Args:
        buildings: The site's. Each gets an equal share.
        doors: How many doors there are.
    """
    found: list[DeviceLabel] = []
    for index, building in enumerate(buildings):
        share = doors // len(buildings) + (index < doors % len(buildings))
        doors_of = _doors_of(building)
        found += [next(doors_of) for _ in range(share)]
    return found


def _doors_of(building: Building) -> Iterator[DeviceLabel]:
    for name in building.entrances:
        yield DeviceLabel(name, f"{building.name}, {_FLOORS[0]}")
    for number in count():
        floor, room = number % building.floors, number // building.floors + 1
        name = building.rooms[room % len(building.rooms)].format(floor, room)
        yield DeviceLabel(name, f"{building.name}, {_FLOORS[floor]}")
