"""Answers for large sites are kept for a while; small sites are judged each time."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from engage_server.errors import StoreNotUsable
from engage_server.services.risk.kinds import EVIDENCE_MISSING
from engage_server.services.risk.known import Risk, SiteTonight
from engage_server.services.risk.recent import KEPT_SECONDS, LONG_SECONDS, SHARE, STALE_SECONDS, RecentTonight
from tests.support.chains import NOW

HOUR = timedelta(hours=1)


class Slow:
    """Judges sites, which takes the time that a test says. It has its own clock."""

    def __init__(self, takes: float) -> None:
        self.takes, self.seconds, self.served, self.judged = takes, 0.0, 1, 0
        self.is_broken = False
        self.risks: tuple[Risk, ...] = ()
        self.meanwhile: Callable[[], None] = lambda: None

    def names(self) -> list[str]:
        return ["main", "north"]

    def generation(self) -> int:
        return self.served

    def look_at(self, site: str, now: datetime) -> SiteTonight:
        if self.is_broken:
            raise StoreNotUsable("the database is away", "Start it.")
        self.judged += 1
        act, self.meanwhile = self.meanwhile, lambda: None
        act()
        self.seconds += self.takes
        return SiteTonight(site, now, NOW + 9 * HOUR, self.risks, ())


@pytest.fixture
def slow() -> Slow:
    return Slow(LONG_SECONDS + 1)


@pytest.fixture
def recent(slow: Slow) -> RecentTonight:
    return RecentTonight(slow, lambda: slow.seconds)


def test_what_took_long_is_kept_for_a_while(slow: Slow, recent: RecentTonight) -> None:
    first = recent.look_at("main", NOW)
    assert recent.look_at("main", NOW + HOUR / 60) is first
    assert slow.judged == 1


def test_after_its_time_it_is_given_while_a_new_one_is_made_apart(slow: Slow) -> None:
    waiting: list[Callable[[], None]] = []
    recent, later = RecentTonight(slow, lambda: slow.seconds, waiting.append), NOW + HOUR / 60
    first = recent.look_at("main", NOW)
    slow.seconds += KEPT_SECONDS + 1
    assert [recent.look_at("main", later), recent.look_at("main", later)] == [first, first]
    assert (slow.judged, len(waiting)) == (1, 1), "once, and not by those who ask"
    waiting.pop()()
    assert recent.look_at("main", later).looked_at == later
    assert (slow.judged, waiting) == (2, [])


def test_what_lacks_evidence_is_soon_judged_again(slow: Slow) -> None:
    """Just after a start the host has not reported yet. That must not stay on the page for minutes."""
    slow.risks = (Risk(EVIDENCE_MISSING, "a host does not report", "Look at it."),)
    waiting: list[Callable[[], None]] = []
    recent = RecentTonight(slow, lambda: slow.seconds, waiting.append)
    recent.look_at("main", NOW)
    slow.seconds += 2 * SHARE * slow.takes + 1
    assert slow.seconds < KEPT_SECONDS
    recent.look_at("main", NOW)
    assert len(waiting) == 1


def test_what_is_too_old_is_not_given_any_more(slow: Slow, recent: RecentTonight) -> None:
    recent.look_at("main", NOW)
    slow.seconds += 2 * KEPT_SECONDS + STALE_SECONDS
    assert recent.look_at("main", NOW + HOUR / 60).looked_at == NOW + HOUR / 60


def test_a_failure_apart_is_told_to_who_asks_when_the_time_is_over(slow: Slow) -> None:
    waiting: list[Callable[[], None]] = []
    recent = RecentTonight(slow, lambda: slow.seconds, waiting.append)
    first = recent.look_at("main", NOW)
    slow.is_broken = True
    slow.seconds += KEPT_SECONDS + 1
    recent.look_at("main", NOW)
    waiting.pop()()
    assert recent.look_at("main", NOW) is first
    assert len(waiting) == 1, "it is tried again"
    waiting.pop()()
    slow.seconds += STALE_SECONDS
    with pytest.raises(StoreNotUsable):
        recent.look_at("main", NOW)


def test_nobody_waits_for_who_judges_if_there_is_an_earlier_answer(slow: Slow, recent: RecentTonight) -> None:
    first = recent.look_at("main", NOW)
    slow.served = 2
    seen: list[SiteTonight] = []
    slow.meanwhile = lambda: seen.append(recent.look_at("main", NOW))
    assert recent.look_at("main", NOW) is not first
    assert seen == [first], "asked while it was judged: with a lock that is waited for, this never ends"
    assert slow.judged == 2


def test_what_took_very_long_is_kept_longer_than_the_metrics_wait() -> None:
    slow = Slow(60)
    recent = RecentTonight(slow, lambda: slow.seconds)
    recent.look_at("main", NOW)
    slow.seconds += 20 * 60 + KEPT_SECONDS
    recent.look_at("main", NOW)
    assert slow.judged == 1


def test_what_was_quick_is_judged_again() -> None:
    quick = Slow(LONG_SECONDS / 2)
    recent = RecentTonight(quick, lambda: quick.seconds)
    for number in (1, 2, 3):
        recent.look_at("main", NOW)
        assert quick.judged == number


def test_another_release_is_seen_at_once(slow: Slow, recent: RecentTonight) -> None:
    recent.look_at("main", NOW)
    slow.served = 2
    recent.look_at("main", NOW)
    assert slow.judged == 2


@pytest.mark.parametrize("now", [NOW + 9 * HOUR, NOW - HOUR])
def test_another_night_or_a_clock_that_was_set(slow: Slow, recent: RecentTonight, now: datetime) -> None:
    recent.look_at("main", NOW)
    recent.look_at("main", now)
    assert slow.judged == 2


def test_the_metrics_renew_all(slow: Slow, recent: RecentTonight) -> None:
    recent.look(NOW, renew=True)
    recent.look(NOW, renew=True)
    assert slow.judged == 4
    assert [each.site for each in recent.look(NOW, lambda site: site == "north")] == ["north"]
    assert slow.judged == 4
