"""Whose word counts: home, elsewhere, a move, a quarrel about one serial number, tokens, and clocks that were wrong."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engage_server.as_json.devices import device_json
from engage_server.cli.device.device_views import print_device
from engage_server.records import DeviceHistory, Grade, Sighting, SightingKind
from engage_server.services.evidence.device_view import DeviceView
from engage_server.services.evidence.diagnosis import diagnose
from engage_server.services.evidence.fold import fold, noted
from tests.support.chains import NOW
from tests.support.world import World, serial_of

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NIGHT = NOW.replace(hour=2, minute=0, second=0, microsecond=0)
SERIAL = serial_of(1)
HOME, LEASE, STRANGER = "192.0.2.1", "192.0.2.2", "198.51.100.66"


def seen(kind: SightingKind, address: str, at: datetime, **other: object) -> Sighting:
    listener = "http" if kind in (SightingKind.NOTICE, SightingKind.CERTIFICATE) else "https"
    made = Sighting(kind, at, listener, address, SERIAL, "main", 1)
    return replace(made, **other)  # type: ignore[arg-type]  # a sighting's own fields


def tls(address: str, at: datetime, **other: object) -> Sighting:
    made = seen(SightingKind.HANDSHAKE_FINISHED, address, at)
    return replace(made, **other)  # type: ignore[arg-type]  # a sighting's own fields


def refusal(address: str, at: datetime) -> Sighting:
    return seen(SightingKind.HANDSHAKE_FAILED, address, at, failure="alert unknown_ca")


def token(address: str, at: datetime, time: int | None = None, **other: object) -> Sighting:
    made_at = int(at.timestamp()) if time is None else time
    return tls(address, at, authenticated=True, token_time=made_at, **other)


def told(found: Sequence[Sighting], now: datetime | None = None) -> DeviceHistory:
    """What is known after these."""
    known = None
    for sighting in found:
        known = noted(known, sighting, "main", SERIAL, now)
    assert known is not None
    return known


def nights(address: str, count: int, first: int = 0) -> list[Sighting]:
    return [tls(address, NIGHT + night * DAY) for night in range(first, first + count)]


class TestHome:
    """The first address is home; what comes from there is evidence."""

    def test_the_first_address(self) -> None:
        known = told(nights(HOME, 4))
        assert (known.home, known.home_since, known.home_seen_at) == (HOME, NIGHT, NIGHT + 3 * DAY)
        assert (known.tls_nights, known.home_nights, known.nights) == (4, 4, 4)
        assert (known.away, known.is_contested) == ("", False)

    def test_a_night_counts_once_and_plain_http_is_no_night_with_tls(self) -> None:
        known = told([tls(HOME, NIGHT), tls(HOME, NIGHT + HOUR), seen(SightingKind.NOTICE, HOME, NIGHT + DAY)])
        assert (known.tls_nights, known.nights) == (1, 2)

    def test_a_refusal_from_home_has_its_time_until_a_handshake_is_finished(self) -> None:
        known = told([tls(HOME, NIGHT), refusal(HOME, NIGHT + DAY), refusal(HOME, NIGHT + DAY + HOUR)])
        assert (known.refusals, known.refused_at) == (2, NIGHT + DAY + HOUR)
        assert told([tls(HOME, NIGHT), refusal(HOME, NIGHT + DAY), tls(HOME, NIGHT + 2 * DAY)]).refused_at is None

    def test_what_is_told_late_does_not_undo_what_came_after_it(self) -> None:
        """Each worker has a spool file of its own, and they are read one after the other."""
        known = told([tls(HOME, NIGHT + HOUR, release=2), tls(HOME, NIGHT, release=1), refusal(HOME, NIGHT)])
        assert (known.finished_release, known.finished_at, known.refusals) == (2, NIGHT + HOUR, 0)
        assert known.releases[1].grade is Grade.HANDSHAKE

    def test_a_history_of_before_takes_the_first_address(self) -> None:
        before = replace(told(nights(HOME, 3)), home="", home_since=None, home_seen_at=None, home_nights=0)
        known = noted(before, tls(LEASE, NIGHT + 3 * DAY), "main", SERIAL)
        assert (known.home, known.home_since, known.finished_at) == (LEASE, NIGHT + 3 * DAY, NIGHT + 3 * DAY)

    def test_an_address_that_is_taken_for_a_device_is_its_own_home(self) -> None:
        (known,) = fold({}, {}, [replace(tls(STRANGER, NIGHT), serial=None)])
        assert (known.identity, known.home, known.tls_nights) == (STRANGER, STRANGER, 1)


class TestElsewhere:
    """Proves nothing, neither for nor against, and keeps nobody alive."""

    @pytest.mark.parametrize(
        "forged",
        [
            [seen(SightingKind.NOTICE, STRANGER, NIGHT + DAY + HOUR)] * 3,
            [seen(SightingKind.CERTIFICATE, STRANGER, NIGHT + DAY + HOUR, release=2)] * 3,
            [tls(STRANGER, NIGHT + DAY + HOUR, release=2)] * 3,
            [refusal(STRANGER, NIGHT + DAY + HOUR)] * 3,
            [seen(SightingKind.AUDIT, STRANGER, NIGHT + DAY + HOUR, failure="1101", release=None)] * 3,
            [seen(SightingKind.CALL_IN, STRANGER, NIGHT + DAY + HOUR, release=None)] * 3,
        ],
    )
    def test_nothing_that_counts_changes(self, forged: list[Sighting]) -> None:
        before, after = told(nights(HOME, 2)), told([*nights(HOME, 2), *forged])
        assert after.away == STRANGER
        assert _what_counts(after) == _what_counts(before)
        own = told([*nights(HOME, 2), *(replace(each, address=HOME) for each in forged)])
        assert _what_counts(own) != _what_counts(before), "from home each of these counts"

    def test_what_was_accepted_there_is_kept_apart(self) -> None:
        known = told([*nights(HOME, 2), tls(STRANGER, NIGHT + 2 * DAY, release=2)])
        assert (known.away, known.away_release, known.away_finished_at) == (STRANGER, 2, NIGHT + 2 * DAY)
        assert (known.away_nights, known.away_tls_nights) == (1, 1)
        resumed = told([*nights(HOME, 2), tls(STRANGER, NIGHT + 2 * DAY, release=2, resumed=True)])
        assert (resumed.away, resumed.away_release, resumed.away_tls_nights) == (STRANGER, 0, 0)

    def test_three_nights_at_home_alone_forget_it(self) -> None:
        once = [*nights(HOME, 2), tls(STRANGER, NIGHT + DAY + HOUR)]
        assert told([*once, *nights(HOME, 2, 2)]).away == STRANGER
        assert told([*once, *nights(HOME, 3, 2)]).away == ""


class TestMoving:
    """A new DHCP lease: two nights' delay, and no person."""

    def test_on_the_third_night_it_has_moved(self) -> None:
        known = told([*nights(HOME, 5), *nights(LEASE, 2, 5)])
        assert (known.home, known.away, known.away_nights) == (HOME, LEASE, 2)
        known = told([*nights(HOME, 5), *(tls(LEASE, NIGHT + night * DAY, release=2) for night in (5, 6, 7))])
        assert (known.home, known.home_since, known.away) == (LEASE, NIGHT + 7 * DAY, "")
        assert (known.tls_nights, known.finished_release, known.finished_at) == (3, 2, NIGHT + 7 * DAY)
        assert known.releases[2].grade is Grade.HANDSHAKE
        assert (known.last_seen, known.nights) == (NIGHT + 7 * DAY, 8)
        assert known.due_at > NIGHT + 9 * DAY

    def test_not_while_anything_still_comes_from_home(self) -> None:
        story = [*nights(HOME, 5), *nights(LEASE, 2, 5), tls(HOME, NIGHT + 6 * DAY + HOUR), *nights(LEASE, 2, 7)]
        assert (told(story).home, told(story).away_nights) == (HOME, 2)
        assert told([*story, *nights(LEASE, 1, 9)]).home == LEASE

    def test_not_between_two_calls_of_a_device_that_calls_once_a_week(self) -> None:
        """Or its home would be whose who says its serial number for three nights."""
        weekly = [tls(HOME, NIGHT + 7 * week * DAY) for week in range(4)]
        claimed = [tls(STRANGER, NIGHT + (22 + night) * DAY) for night in range(5)]
        assert told([*weekly, *claimed]).home == HOME
        moved = [tls(LEASE, NIGHT + 7 * week * DAY) for week in (4, 5, 6)]
        assert told([*weekly, *moved]).home == LEASE

    def test_another_address_begins_anew(self) -> None:
        known = told([*nights(HOME, 5), *nights(LEASE, 2, 5), *nights(STRANGER, 1, 7), *nights(LEASE, 1, 8)])
        assert (known.home, known.away, known.away_nights) == (HOME, LEASE, 1)

    def test_trouble_at_the_old_address_stays_there(self) -> None:
        loops = [refusal(HOME, NIGHT + 5 * DAY), seen(SightingKind.CERTIFICATE, HOME, NIGHT + 5 * DAY)]
        known = told([*nights(HOME, 5), *loops, *nights(LEASE, 3, 6)])
        assert (known.home, known.refusals, known.certificates, known.refused_at) == (LEASE, 0, 0, None)

    def test_a_better_grade_that_stands_in_the_store_stays(self, world: World) -> None:
        """The batch in which it moves is about another release than the one that it reached there."""
        world.add_site()
        world.see(token(HOME, NIGHT, release=2))
        world.see(*nights(HOME, 3, 1))
        world.see(tls(LEASE, NIGHT + 4 * DAY), tls(LEASE, NIGHT + 5 * DAY, release=2))
        world.see(seen(SightingKind.NOTICE, LEASE, NIGHT + 7 * DAY))
        (known,) = world.store.device_history(SERIAL)
        assert (known.home, known.finished_release) == (LEASE, 2)
        assert (known.releases[2].grade, known.releases[2].reached_at) == (Grade.AUTHENTICATED, NIGHT)


class TestContested:
    """Whoever says a serial number before its device ever calls must not be its home for good."""

    BY_TURNS = [
        tls(address, NIGHT + night * DAY + (address == HOME) * HOUR)
        for night in range(4)
        for address in (STRANGER, HOME)
    ]

    def test_by_turns_on_three_nights(self) -> None:
        assert not told(self.BY_TURNS[:5]).is_contested
        known = told(self.BY_TURNS)
        assert (known.home, known.away, known.is_contested) == (STRANGER, HOME, True)

    def test_it_does_not_matter_from_how_many_addresses(self) -> None:
        known = told(
            [replace(each, address=f"198.51.100.{n}") if n % 2 else each for n, each in enumerate(self.BY_TURNS)]
        )
        assert known.is_contested

    def test_it_ends_when_one_of_them_is_silent_for_three_nights_of_the_other(self) -> None:
        known = told([*self.BY_TURNS, *nights(HOME, 3, 4)])
        assert (known.home, known.is_contested, known.tls_nights) == (HOME, False, 4)
        known = told([*self.BY_TURNS, *nights(STRANGER, 3, 4)])
        assert (known.home, known.is_contested, known.away) == (STRANGER, False, "")

    def test_one_evening_of_both_is_none(self) -> None:
        one_night = [tls(HOME if n % 2 else STRANGER, NIGHT + n * timedelta(minutes=1)) for n in range(20)]
        assert not told(one_night).is_contested


class TestShown:
    """What operators are told."""

    def test_silence_at_home_and_calls_from_elsewhere_have_a_name_of_their_own(self) -> None:
        later = NIGHT + 20 * DAY
        by_turns = [replace(each, at=each.at + 16 * DAY) for each in TestContested.BY_TURNS]
        for story, code in (
            ([*nights(HOME, 5), *nights(LEASE, 2, 18)], "elsewhere"),
            (nights(HOME, 5), "silent"),
            ([*nights(HOME, 20), tls(STRANGER, later)], None),
            ([*nights(HOME, 17), *by_turns], "contested"),
        ):
            found = diagnose(told(story), later)
            assert (found.code if found else None) == code
        found = diagnose(told([*nights(HOME, 5), *nights(LEASE, 2, 18)]), later)
        assert found is not None
        assert LEASE in found.cause
        assert HOME in found.cause

    def test_a_device_for_people_and_for_scripts(self, capsys: pytest.CaptureFixture[str]) -> None:
        known = told([*nights(HOME, 5), token(HOME, NIGHT + 5 * DAY), tls(LEASE, NIGHT + 5 * DAY + HOUR)])
        view = DeviceView("main", SERIAL, known, None, 0, None, {"future": 2})
        print_device(view)
        shown = " ".join(capsys.readouterr().out.split())
        for words in (
            f"{HOME}, ",
            "on 6 days",
            f"{LEASE}, last",
            "by a token on 1 day",
            "assumed for locks",
            "2 sightings",
        ):
            assert words in shown
        value = device_json(view)
        assert (value["address"], value["tls_nights"], value["contested"]) == (HOME, 6, False)
        assert value["elsewhere"] is not None
        assert value["elsewhere"]["address"] == LEASE
        assert (value["authenticated_nights"], value["disregarded"]) == (1, {"future": 2})


class TestTokens:
    """A token made with the site key proves a device, from whatever address."""

    def test_it_is_the_highest_grade(self) -> None:
        known = told([token(HOME, NIGHT), token(HOME, NIGHT + DAY, release=2)])
        assert (known.authenticated_release, known.authenticated_at) == (2, NIGHT + DAY)
        assert (known.authenticated_nights, known.token_time) == (2, int((NIGHT + DAY).timestamp()))
        assert (known.finished_release, known.releases[2].grade) == (2, Grade.AUTHENTICATED)
        assert told(nights(HOME, 2)).releases[1].grade is Grade.HANDSHAKE

    def test_it_takes_back_by_audit_what_it_told_by_audit_and_nobody_else_does(self) -> None:
        def audit(code: str, **other: object) -> Sighting:
            at = NIGHT + DAY + 2 * HOUR
            return seen(SightingKind.AUDIT, HOME, at, listener="https", failure=code, **other)

        made_at = int((NIGHT + DAY + 2 * HOUR).timestamp())
        before = [token(HOME, NIGHT), token(HOME, NIGHT + DAY), audit("1101")]
        assert told(before).anchor_failed_at is not None
        assert told([*before, audit("1100")]).anchor_failed_at is not None, "anybody at its address could say so"
        assert told([*before, audit("1100", authenticated=True, token_time=made_at)]).anchor_failed_at is None
        without_tokens = [*nights(HOME, 2), audit("1101"), audit("1100")]
        assert told(without_tokens).anchor_failed_at is None

    def test_home_is_where_it_proves_itself(self) -> None:
        known = told([*nights(HOME, 4), refusal(HOME, NIGHT + 3 * DAY + HOUR), token(LEASE, NIGHT + 4 * DAY)])
        assert (known.home, known.home_since, known.tls_nights, known.refusals) == (LEASE, NIGHT + 4 * DAY, 1, 0)
        assert (known.finished_at, known.away) == (NIGHT + 4 * DAY, "")

    def test_it_ends_a_quarrel(self) -> None:
        known = told([*TestContested.BY_TURNS, token(HOME, NIGHT + 4 * DAY)])
        assert (known.home, known.is_contested) == (HOME, False)

    def test_an_older_one_is_a_replay(self) -> None:
        first = token(HOME, NIGHT + DAY)
        for replayed in (
            token(STRANGER, NIGHT + DAY + HOUR, first.token_time - 1),
            token(STRANGER, NIGHT + DAY + timedelta(minutes=1), first.token_time),
            token(HOME, NIGHT + DAY + HOUR, first.token_time),
        ):
            known = told([*nights(HOME, 1), first, replace(replayed, release=2)])
            assert (known.home, known.authenticated_release) == (HOME, 1)
        same_visit = token(HOME, NIGHT + DAY + timedelta(minutes=1), first.token_time, release=2)
        assert told([first, same_visit]).authenticated_release == 2

    def test_one_that_was_read_off_the_wire_is_used_up(self) -> None:
        plain = token(HOME, NIGHT, kind=SightingKind.CALL_IN, listener="http", release=None)
        known = told([plain, token(STRANGER, NIGHT + HOUR, plain.token_time)])
        assert (known.home, known.authenticated_release, known.authenticated_nights) == (HOME, 0, 0)
        known = told([plain, token(HOME, NIGHT + timedelta(seconds=9))])
        assert known.authenticated_release == 1

    def test_a_call_in_proves_where_it_lives_and_no_release(self) -> None:
        call = token(LEASE, NIGHT + 4 * DAY, kind=SightingKind.CALL_IN, release=None)
        known = told([*nights(HOME, 4), call])
        assert (known.home, known.authenticated_release) == (LEASE, 0)
        known = told([*nights(HOME, 4), call, token(LEASE, call.at, call.token_time, release=2)])
        assert known.authenticated_release == 2, "and the handshake of its connection, told with the same token"

    def test_a_resumed_session_proves_no_release(self) -> None:
        assert told([token(HOME, NIGHT, resumed=True)]).authenticated_release == 0


class TestClocks:
    """One call under a wrong clock must not blind a device's evidence for years."""

    def test_a_history_in_the_future_comes_back_with_the_next_sighting(self) -> None:
        ahead = told([*nights(HOME, 3), token(HOME, NIGHT + 4000 * DAY, release=2)])
        now = NIGHT + 3 * DAY
        assert noted(ahead, refusal(HOME, now), "main", SERIAL).refusals == 0, "all that comes is older"
        known = noted(ahead, tls(HOME, now, release=1), "main", SERIAL, now)
        times = [value for name in vars(known) if isinstance(value := getattr(known, name), datetime)]
        assert all(value <= now for value in times if value != known.due_at)
        assert known.due_at < now + 10 * DAY
        assert all(reached.reached_at <= now for reached in known.releases.values())
        assert known.token_time == 0
        assert noted(known, refusal(HOME, now + DAY), "main", SERIAL, now + DAY).refusals == 1

    def test_hosts_whose_clocks_differ_a_little_are_right(self) -> None:
        known = told(nights(HOME, 3))
        now = known.last_seen - timedelta(minutes=9)
        assert noted(known, tls(HOME, now), "main", SERIAL, now).last_seen == known.last_seen

    def test_what_is_disregarded_changes_nothing(self) -> None:
        known = told(nights(HOME, 3))
        marked = replace(tls(HOME, NIGHT + 9 * DAY), disregarded="future")
        assert fold({("main", SERIAL): known}, {}, [marked]) == []


def _what_counts(known: DeviceHistory) -> dict[str, object]:
    names = [name for name in vars(known) if not name.startswith(("away", "home_nights"))]
    return {name: getattr(known, name) for name in names}


_MAKE: dict[str, Callable[[str, datetime], Sighting]] = {
    "notice": lambda address, at: seen(SightingKind.NOTICE, address, at),
    "der": lambda address, at: seen(SightingKind.CERTIFICATE, address, at, release=2),
    "tls": lambda address, at: tls(address, at, release=2),
    "refusal": refusal,
    "report": lambda address, at: seen(SightingKind.AUDIT, address, at, failure="1101", release=None),
    "call": lambda address, at: seen(SightingKind.CALL_IN, address, at, release=None),
}
forged_or_true = st.lists(st.tuples(st.booleans(), st.sampled_from(list(_MAKE)), st.integers(0, 200)), max_size=40)


@settings(max_examples=150, deadline=None)
@given(forged_or_true)
def test_forged_visits_change_nothing_that_counts(story: list[tuple[bool, str, int]]) -> None:
    """In any order among the device's own, as long as it keeps its habit: beside that it may be contested."""
    true = [tls(HOME, NIGHT + night * DAY) for night in range(12)]
    forged = [_MAKE[kind](STRANGER, NIGHT + hour * HOUR + timedelta(minutes=7)) for _, kind, hour in story]
    own = [_MAKE[kind](HOME, NIGHT + hour * HOUR + timedelta(minutes=9)) for is_own, kind, hour in story if is_own]
    alone = sorted([*true, *own], key=lambda each: each.at)
    with_forged = sorted([*true, *own, *forged], key=lambda each: each.at)
    assert _what_counts(told(with_forged)) | {"is_contested": False} == _what_counts(told(alone))
