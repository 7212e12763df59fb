"""What one door did, night by night, from its stored sightings. Pure but for the reading of the store.

A night begins at noon at the site and ends at the next one. A refusal carries no serial number. It counts for the door
whose home the address is, as in its history, unless several devices call from there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

from engage_server.records import DeviceHistory, Sighting, SightingKind, every_item
from engage_server.records.site import night_begins, night_of
from engage_server.store.interface import MOST_IN_A_PAGE, EvidenceStore, PageStore
from engage_server.store.interface.pages import Home

NIGHTS_SHOWN = 30
_MOST_SIGHTINGS = 10_000  # a door that calls every few minutes; older nights are then shown as without a call


class NightMark(StrEnum):
    """What a door did in a night, the best first."""

    CAME = "came"
    FAILED = "failed"
    ASKED = "asked"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class DoorNight:
    """One night of one door.

    Attributes:
        date: The day at the site on which it began.
        mark: The best that it did.
        calls: How many sightings of it count.
    """

    date: date
    mark: NightMark
    calls: int


def nights_of(
    sightings: Iterable[Sighting], now: datetime, zone: tzinfo, nights: int = NIGHTS_SHOWN
) -> tuple[DoorNight, ...]:
    """The last nights up to the present one, the oldest first. The order of the sightings makes no difference.

    Args:
        sightings: Of one door. Those that count for nothing are left out.
        now: The time, timezone-aware.
        zone: The time zone of the site.
        nights: How many nights.
    """
    newest = night_of(now, zone)
    found: dict[date, list[NightMark]] = {newest - timedelta(days=back): [] for back in reversed(range(nights))}
    for sighting in sightings:
        night = night_of(sighting.at, zone)
        if night in found and not sighting.disregarded:
            found[night].append(_mark(sighting))
    order = list(NightMark)
    return tuple(
        DoorNight(night, min(marks, key=order.index, default=NightMark.NOTHING), len(marks))
        for night, marks in found.items()
    )


def nights_of_door(
    store: PageStore, serial: str, site: str, now: datetime, zone: tzinfo, home: Home | None = None
) -> tuple[DoorNight, ...]:
    """The last nights of a door that sends this serial number.

    It costs one query for each thousand sightings, by an index. A door that calls once a night has about a hundred.

    Args:
        store: Holds the sightings, as long as the setting ``sighting_days`` says.
        serial: 32 upper-case hexadecimal digits.
        site: The site.
        now: The time, timezone-aware.
        zone: The time zone of the site.
        home: Its usual address, if it is its own alone: see :func:`home_of`.
    """
    first = night_of(now, zone) - timedelta(days=NIGHTS_SHOWN - 1)
    return nights_of(_newest(store, serial, site, night_begins(first, zone), home), now, zone)


def home_of(store: EvidenceStore, history: DeviceHistory | None) -> Home | None:
    """The address whose refusals its history counts. None if it has none, or shares it with other devices."""
    if history is None or not history.home or history.home_since is None:
        return None
    if store.shared_addresses(history.site, [history.home]):
        return None
    return Home(history.home, history.home_since)


def _newest(store: PageStore, serial: str, site: str, since: datetime, home: Home | None) -> Iterator[Sighting]:
    every = every_item(lambda cursor: store.sighting_page(serial, site, cursor, MOST_IN_A_PAGE, home=home))
    for number, sighting in enumerate(every):
        if sighting.at < since or number >= _MOST_SIGHTINGS:
            return
        yield sighting


def _mark(sighting: Sighting) -> NightMark:
    if sighting.kind is SightingKind.HANDSHAKE_FINISHED or sighting.listener == "https":
        return NightMark.FAILED if sighting.kind is SightingKind.HANDSHAKE_FAILED else NightMark.CAME
    return NightMark.ASKED
