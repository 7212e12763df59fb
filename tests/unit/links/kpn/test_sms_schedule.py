"""The document's schedule of SMS attempts, with its contradiction."""

from datetime import timedelta

from engage_server.links.kpn.sms_schedule import (
    DISCARDED_AFTER,
    SPANS,
    WHOLE_SCHEDULE,
    fails_at,
    has_failed,
    sms_attempts,
)
from tests.support.chains import NOW

MINUTES = [0, 1, 2, 3, 4, 5, 15, 25, 35, 45, 55, 65]
HOURS = [65 + 60 * hour for hour in range(1, 13)]
FOUR_HOURS = [785 + 240 * count for count in range(1, 10)]


def test_the_attempts_are_the_document_s() -> None:
    """5 x 1 min, then 1 h / 10 min, 12 h / 1 h, 36 h / 4 h: counted by hand above."""
    found = [(each.at - NOW) / timedelta(minutes=1) for each in sms_attempts(NOW)]
    assert found == MINUTES + HOURS + FOUR_HOURS
    assert [each.number for each in sms_attempts(NOW)] == list(range(33))


def test_the_spans_add_up_to_an_hour_and_five_minutes_more_than_the_48_hours() -> None:
    assert timedelta(hours=49, minutes=5) == WHOLE_SCHEDULE
    assert timedelta(hours=48) == DISCARDED_AFTER
    never = [each for each in sms_attempts(NOW) if not each.happens]
    assert [each.at - NOW for each in never] == [WHOLE_SCHEDULE]


def test_each_span_has_its_words() -> None:
    counts = {words: sum(each.span == words for each in sms_attempts(NOW)) for words, _, _ in SPANS}
    assert list(counts.values()) == [5, 6, 12, 9]


def test_it_fails_after_48_hours_and_not_before() -> None:
    assert fails_at(NOW) == NOW + timedelta(hours=48)
    assert has_failed(NOW, NOW + timedelta(hours=48))
    assert not has_failed(NOW, NOW + timedelta(hours=48) - timedelta(microseconds=1))
