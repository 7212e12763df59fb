"""Handles clocks that were wrong: sightings that do not count, and histories with times in the future. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from engage_server.records import DeviceHistory, Sighting
from engage_server.records.history import changed

CLOCKS_APART = timedelta(minutes=10)  # of the hosts of one installation; NTP keeps them far closer
TOKENS_APART = timedelta(hours=36)  # a device's own clock: it may be in another time zone, and fast or slow as well

FUTURE = "future"
BEFORE_INSTALLATION = "before_installation"

_TIMES = (
    "first_seen",
    "last_seen",
    "finished_at",
    "asked_again_at",
    "reported_at",
    "anchor_failed_at",
    "home_since",
    "home_seen_at",
    "refused_at",
    "away_since",
    "away_seen_at",
    "away_finished_at",
    "authenticated_at",
)


def dated(sighting: Sighting, now: datetime, installed_at: datetime | None) -> Sighting:
    """The sighting, marked as disregarded if its time is impossible. It is kept, but does not count.

    Args:
        sighting: The sighting as a worker recorded it, by its host's clock.
        now: The time by the clock of the process that moves it into the store.
        installed_at: When the first site was added; None if unknown. If it is later than ``now``, it is ignored,
            because that clock was wrong as well.
    """
    if sighting.at > now + CLOCKS_APART:
        return replace(sighting, disregarded=FUTURE)
    if installed_at is not None and installed_at <= now and sighting.at < installed_at - CLOCKS_APART:
        return replace(sighting, disregarded=BEFORE_INSTALLATION)
    return sighting


def taken_back(known: DeviceHistory, at: datetime, now: datetime) -> DeviceHistory:
    """The history with each time in the future, which a wrong clock left, replaced by the time of this sighting.

    Otherwise the device would look alive for as long as the clock was ahead, and nothing that it does now would count
    as later.
    """
    limit = now + CLOCKS_APART
    latest = max(known.last_seen, known.away_seen_at or known.last_seen, known.authenticated_at or known.last_seen)
    token_limit = int((now + CLOCKS_APART + TOKENS_APART).timestamp())
    if latest <= limit and known.token_time <= token_limit:
        return known
    changes: dict[str, Any] = dict.fromkeys(_late(known, limit), at)
    releases = {
        number: replace(reached, reached_at=at) if reached.reached_at > limit else reached
        for number, reached in known.releases.items()
    }
    token_time = known.token_time if known.token_time <= token_limit else 0
    return changed(known, **changes, releases=releases, token_time=token_time)


def _late(known: DeviceHistory, limit: datetime) -> Iterator[str]:
    for name in _TIMES:
        value = getattr(known, name)
        if value is not None and value > limit:
            yield name
