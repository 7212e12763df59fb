"""How the doors came through with a release, night by night, with the limits of the gate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from engage_server.records import GatePolicy, Rotation
from engage_server.records.site import night_of, zone_of
from engage_server.services.rotation.steps import StepsStore

MOST_NIGHTS = 60
_FEWEST_SHOWN = 7
_MORNING = 6  # o'clock: who calls at night has called


@dataclass(frozen=True, slots=True)
class Night:
    """How far the doors were in the morning after one night.

    Attributes:
        date: The day on which it began.
        confirmed: How many doors had come through by then.
    """

    date: date
    confirmed: int


@dataclass(frozen=True, slots=True)
class AdoptionByNight:
    """How the doors came through with a release.

    The present night is the last one, as it is so far. Its count is the gate's. A door that the gate no longer counts
    as having come through is missing from all nights.

    Attributes:
        release: Its number.
        devices: How many doors count.
        nights: The nights since it was served, in their order; the last :data:`MOST_NIGHTS` of them.
        missing: With at most so many doors missing, the gate goes on.
        lost: With more than so many doors lost, the gate goes back.
        is_judged: Whether a rotation is open, so that its gate still judges by these limits.
        since: The day at the site on which the release was served. Doors count that called well before.
    """

    release: int
    devices: int
    nights: tuple[Night, ...]
    missing: int
    lost: int
    is_judged: bool
    since: date

    @property
    def enough(self) -> int:
        """How many doors must have come through."""
        return max(0, self.devices - self.missing)

    @property
    def confirmed(self) -> int:
        """How many doors have come through by now."""
        return self.nights[-1].confirmed if self.nights else 0

    @property
    def shown(self) -> tuple[Night, ...]:
        """The nights that say something: once nothing is judged, none after the one in which the last door came.

        The first week is shown in any case.
        """
        if self.is_judged:
            return self.nights
        before = sum(night.confirmed < self.confirmed for night in self.nights)
        return self.nights[: max(_FEWEST_SHOWN, before + 1)]

    @property
    def sentence(self) -> str:
        """Which doors the nights count, and until when how many of them had come through."""
        doors = "1 door" if self.devices == 1 else f"{self.devices:,} doors"
        by = next((night.date for night in self.nights if night.confirmed == self.confirmed), self.since)
        found = f"{doors} called well before {self.since:%Y-%m-%d}, when release {self.release} was served"
        return f"{found}. By the night of {by:%Y-%m-%d}, {self.confirmed:,} of them had come through"


@dataclass(frozen=True, slots=True)
class _Served:
    """What a site serves, since when, by whose limits it is judged, and whether it still is."""

    release: int
    since: datetime
    policy: GatePolicy
    is_judged: bool


class AdoptionNights:
    """Counts the doors of a site by night.

    Args:
        store: Holds the evidence.
    """

    def __init__(self, store: StepsStore) -> None:
        self._store = store

    def of_site(self, site_name: str, now: datetime) -> AdoptionByNight | None:
        """The present step of its open rotation; else its current release. None if it serves nothing.

        Without an open rotation, the limits are those of the rotation that brought the release, or the usual ones.
        The counts are as the evidence says now. They take about a second for a million doors.

        Raises:
            NotFound: There is no such site.
        """
        site = self._store.site(site_name)
        served = self._served(site_name)
        if served is None:
            return None
        question = site_name, served.release, served.since, now
        evidence, only_listed = site.evidence, served.policy.only_listed
        adoption = self._store.adoption(*question, evidence=evidence, only_listed=only_listed)
        came = self._store.confirmations(*question, evidence=evidence, only_listed=only_listed)
        return AdoptionByNight(
            release=served.release,
            devices=adoption.devices,
            nights=_from_first_evening(nights_of(came, served.since, now, zone_of(site)), served.since, zone_of(site)),
            missing=served.policy.missing.smaller(adoption.devices),
            lost=served.policy.lost.larger(adoption.devices + adoption.elsewhere),
            is_judged=served.is_judged,
            since=served.since.astimezone(zone_of(site)).date(),
        )

    def _served(self, site: str) -> _Served | None:
        rotations = self._store.rotations(site)
        going_on = next((each for each in rotations if each.state.is_open and each.step), None)
        if going_on is not None:
            return _Served(going_on.served, going_on.step_at, going_on.policy, is_judged=True)
        number = self._store.current_numbers().get(site)
        since = self._store.release(site, number).activated_at if number is not None else None
        if number is None or since is None:
            return None
        return _Served(number, since, _policy_of(number, rotations), is_judged=False)


def nights_of(
    came: Mapping[datetime, int], since: datetime, now: datetime, zone: tzinfo, most: int = MOST_NIGHTS
) -> tuple[Night, ...]:
    """Add up how many had come when each night was over. Pure.

    Args:
        came: How many doors came first at which time.
        since: Since when the release has been served.
        now: The time, timezone-aware. Its night is the last one.
        zone: The time zone of the site.
        most: How many nights are returned at most: the last ones.
    """
    last = night_of(now, zone)
    first = min(max(night_of(since, zone), last - timedelta(days=most - 1)), last)
    new = dict.fromkeys((first + timedelta(days=each) for each in range((last - first).days + 1)), 0)
    for at, count in came.items():
        night = min(max(night_of(at, zone), first), last)
        new[night] = new.get(night, 0) + count
    found, so_far = [], 0
    for night, count in new.items():
        so_far += count
        found.append(Night(night, so_far))
    return tuple(found)


def _from_first_evening(nights: tuple[Night, ...], since: datetime, zone: tzinfo) -> tuple[Night, ...]:
    """Without the night that was over when the release was served, if no door came in what was left of it."""
    served = since.astimezone(zone)
    first = nights[0]
    was_over = first.date == night_of(since, zone) < served.date() and served.hour >= _MORNING
    return nights[1:] if was_over and not first.confirmed and len(nights) > 1 else nights


def _policy_of(release: int, rotations: Sequence[Rotation]) -> GatePolicy:
    return next((each.policy for each in reversed(rotations) if release in each.releases), GatePolicy())
