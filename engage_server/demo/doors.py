"""The doors of the demonstration, and what is wrong with a few of them. Pure: a seed decides, never the clock."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from random import Random

from engage_server.demo.places import Building, labels
from engage_server.records import DeviceLabel

SEED = 20  # of everything that befalls a door
SILENT_NIGHTS = 9
_BENCHMARK_NETWORK = ipaddress.ip_address("198.18.0.0")  # RFC 2544: no address of a real network
_ADDRESSES_OF_A_SITE = 4096
_FIRST_SERIAL = 0xDE300000 << 96
_LAST_MINUTE = 225  # a call begins between midnight and a quarter to four
_LARGE = 100
_FEW = 4  # of so few, each one calls in with all its calls
_NEW_NIGHTS = 12  # since the door that downloads nothing was commissioned


class Trouble(Enum):
    """What is wrong with a door."""

    NONE = auto()
    NEVER_CAME = auto()  # it is on the list, and was never commissioned
    SILENT = auto()  # it stopped calling
    OLD_ANCHOR = auto()  # it cannot reach port 80, so it keeps the anchor from before the re-key
    NO_DOWNLOAD = auto()  # it asks for the notice and never downloads
    BATTERY = auto()  # it calls every other night
    REPORTS = auto()  # it reports connections that failed


_AT_LARGE_SITE = {
    Trouble.NEVER_CAME: 2,
    Trouble.SILENT: 2,
    Trouble.OLD_ANCHOR: 2,
    Trouble.NO_DOWNLOAD: 1,
    Trouble.BATTERY: 3,
    Trouble.REPORTS: 2,
}


_TALKATIVE = (Trouble.REPORTS, Trouble.BATTERY)


@dataclass(frozen=True, slots=True)
class Door:
    """One door.

    Attributes:
        site: Its site.
        serial: Its serial number. It begins with DE30, as no real one is known to.
        label: Its name and place.
        address: Where it calls from.
        minute: When it calls, in minutes after midnight at its site.
        tls: The newest TLS version that it supports.
        since: The first night in which it calls.
        trouble: What is wrong with it.
        is_talkative: Whether its call-ins are made in full, with configuration and audits.
    """

    site: str
    serial: str
    label: DeviceLabel
    address: str
    minute: int
    tls: str
    since: int
    trouble: Trouble = Trouble.NONE
    is_talkative: bool = False


def doors_of(
    site: str, number: int, buildings: Sequence[Building], doors: int, nights: int, *, with_trouble: bool
) -> list[Door]:
    """Make the doors of a site.

    Args:
        site: Its name.
        number: 0, 1, 2 ... among the sites. No two of them share a serial number or an address.
        buildings: Its buildings. At a large site they were commissioned one after the other, and the last one late.
        doors: How many doors it has.
        nights: How many nights the demonstration has.
        with_trouble: Whether something is wrong with some of them.
    """
    random = Random(SEED + number)  # noqa: S311  # nothing is kept secret by it
    names = labels(buildings, doors)
    begins = _first_nights(buildings, nights) if doors >= _LARGE else {}
    early = sum(each.place.partition(",")[0] != buildings[-1].name for each in names) if begins else doors
    troubles = _troubles(early, random) if with_trouble else {}
    found = []
    for index, label in enumerate(names):
        trouble = troubles.get(index, Trouble.NONE)
        building = label.place.partition(",")[0]
        found.append(
            Door(
                site=site,
                serial=f"{_FIRST_SERIAL + (number << 64) + index + 1:032X}",
                label=label,
                address=str(_BENCHMARK_NETWORK + number * _ADDRESSES_OF_A_SITE + index + 1),
                minute=random.randrange(_LAST_MINUTE),
                tls="TLSv1.2" if random.random() < 0.2 else "TLSv1.3",
                since=_since(trouble, begins.get(building, 0), nights),
                trouble=trouble,
                is_talkative=doors < _FEW or index % max(_FEW, doors // 8) == 0 or trouble in _TALKATIVE,
            )
        )
    return found


def _since(trouble: Trouble, begins: int, nights: int) -> int:
    if trouble is Trouble.NO_DOWNLOAD:
        return max(0, nights - _NEW_NIGHTS)
    return begins if trouble is Trouble.NONE else 0


def _troubles(doors: int, random: Random) -> dict[int, Trouble]:
    """Which door has what. A small site has one of each kind. Doors with an old anchor are neighbours."""
    counts = _AT_LARGE_SITE if doors >= _LARGE else dict.fromkeys(_AT_LARGE_SITE, 1)
    free = list(range(doors))
    found: dict[int, Trouble] = {}
    for trouble, count in counts.items():
        begin = random.randrange(len(free) - count + 1)
        chosen = free[begin : begin + count] if trouble is Trouble.OLD_ANCHOR else random.sample(free, count)
        found |= dict.fromkeys(chosen, trouble)
        free = [index for index in free if index not in found]
    return found


def _first_nights(buildings: Sequence[Building], nights: int) -> dict[str, int]:
    """One building a night, within the first sixth of all nights. The last building comes after three quarters."""
    first = {building.name: index * nights // 6 // len(buildings) for index, building in enumerate(buildings)}
    return first | {buildings[-1].name: nights * 3 // 4}
