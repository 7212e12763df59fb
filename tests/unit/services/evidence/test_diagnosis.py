"""From sightings to grades, habits and diagnoses; and what the database counts of them."""

from collections.abc import Sequence
from dataclasses import FrozenInstanceError, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from engage_server.errors import NotFound
from engage_server.records import Adoption, DeviceHistory, Doubt, Grade, Sighting, SightingKind
from engage_server.records.history import changed
from engage_server.services.evidence.diagnosis import diagnose
from engage_server.services.evidence.fold import fold, noted, patience
from engage_server.services.evidence.pace import pace_of
from engage_server.services.sites.register import new_site_key
from tests.support.chains import HOSTS, NOW
from tests.support.world import World, address_of, serial_of

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SERIAL, OTHER = serial_of(1), serial_of(2)
ADDRESS = "192.0.2.1"


def seen(
    kind: SightingKind,
    at: datetime = NOW,
    *,
    serial: str | None = SERIAL,
    release: int | None = 1,
    address: str = ADDRESS,
    listener: str = "http",
    failure: str = "",
    resumed: bool = False,
) -> Sighting:
    return Sighting(kind, at, listener, address, serial, "main", release, "", failure, resumed)


def notice(at: datetime = NOW, **other: object) -> Sighting:
    return replace(seen(SightingKind.NOTICE, at), **other)  # type: ignore[arg-type]  # a sighting's own fields


def der(at: datetime = NOW, **other: object) -> Sighting:
    return replace(seen(SightingKind.CERTIFICATE, at), **other)  # type: ignore[arg-type]  # a sighting's own fields


def finished(at: datetime = NOW, **other: object) -> Sighting:
    made = seen(SightingKind.HANDSHAKE_FINISHED, at, listener="https")
    return replace(made, **other)  # type: ignore[arg-type]  # a sighting's own fields


def refused(at: datetime = NOW, failure: str = "alert unknown_ca", **other: object) -> Sighting:
    made = seen(SightingKind.HANDSHAKE_FAILED, at, listener="https", failure=failure)
    return replace(made, **other)  # type: ignore[arg-type]  # a sighting's own fields


def of(found: Sequence[Sighting], serials: Sequence[str] = (SERIAL,)) -> dict[str, DeviceHistory]:
    """The histories that these sightings make, by identity."""
    return {each.identity: each for each in fold({}, {("main", ADDRESS): serials}, found)}


class TestGrades:
    """Each proves more than the one before."""

    def test_notice_download_handshake(self) -> None:
        for count, grade in enumerate((Grade.NOTICE, Grade.CERTIFICATE, Grade.HANDSHAKE), 1):
            known = of([notice(), der(), finished()][:count])[SERIAL]
            assert known.releases[1].grade is grade

    def test_a_grade_is_never_taken_back_and_keeps_its_time(self) -> None:
        known = of([finished(), notice(NOW + DAY), finished(NOW + 2 * DAY)])[SERIAL]
        assert (known.releases[1].grade, known.releases[1].reached_at) == (Grade.HANDSHAKE, NOW)

    def test_each_release_has_its_own(self) -> None:
        known = of([finished(), notice(NOW + DAY, release=2)])[SERIAL]
        assert {number: reached.grade for number, reached in known.releases.items()} == {
            1: Grade.HANDSHAKE,
            2: Grade.NOTICE,
        }
        assert known.finished_release == 1

    def test_a_resumed_session_proves_nothing_but_life(self) -> None:
        known = of([finished(resumed=True)])[SERIAL]
        assert (known.releases, known.finished_release, known.last_seen) == ({}, 0, NOW)

    def test_what_is_asked_on_a_tls_connection_is_no_request_for_an_anchor(self) -> None:
        known = of([finished(), notice(NOW + HOUR, listener="https"), der(NOW + HOUR, listener="https")])[SERIAL]
        assert (known.notices, known.certificates, known.asked_again_at) == (0, 0, None)

    def test_counts_begin_anew_with_a_finished_handshake(self) -> None:
        known = of([notice(), der(), refused(), notice(), der()])[SERIAL]
        assert (known.notices, known.certificates, known.refusals) == (2, 2, 1)
        known = of([notice(), der(), refused(), finished()])[SERIAL]
        assert (known.notices, known.certificates, known.refusals, known.failure) == (0, 0, 0, "")

    def test_a_broken_connection_is_no_refusal(self) -> None:
        known = of([refused(failure="timeout handshake"), refused(failure="closed")])[SERIAL]
        assert (known.refusals, known.failure) == (0, "closed")


class TestWhoseHandshake:
    """A handshake has an address, and no serial number."""

    def test_of_the_one_device_at_its_address(self) -> None:
        assert set(of([finished(serial=None)])) == {SERIAL}

    def test_nobodys_at_an_address_of_several(self) -> None:
        known = of([finished(serial=None)], (SERIAL, OTHER))
        assert set(known) == {ADDRESS}
        assert known[ADDRESS].is_shared_address

    def test_of_who_says_so_on_its_connection(self) -> None:
        known = of([finished(serial=None), finished(serial=OTHER)], (SERIAL, OTHER))
        assert known[OTHER].finished_release == 1
        assert SERIAL not in known

    def test_of_the_address_where_no_serial_number_is_known(self) -> None:
        known = of([finished(serial=None)], ())
        assert known[ADDRESS].finished_release == 1
        assert not known[ADDRESS].is_shared_address

    def test_a_device_that_tells_its_name_later_is_one_device(self, world: World) -> None:
        world.add_site()
        world.release()
        world.see(finished(serial=None))
        assert [each.identity for each in world.evidence.devices("main", NOW)] == [ADDRESS]
        world.see(notice(NOW + HOUR))
        world.see(finished(NOW + HOUR, serial=None))
        assert [each.identity for each in world.evidence.devices("main", NOW)] == [SERIAL]
        assert world.evidence.grades("main", 1) == {Grade.NEVER_SEEN: 0, Grade.HANDSHAKE: 1}

    def test_addresses_are_lent_for_a_month(self, world: World) -> None:
        world.add_site()
        world.release()
        world.see(notice())
        world.store.forget_addresses(NOW + 29 * DAY)
        world.see(finished(NOW + 29 * DAY, serial=None))
        world.store.forget_addresses(NOW + 31 * DAY)
        world.see(finished(NOW + 31 * DAY, serial=None))
        assert {each.identity for each in world.evidence.devices("main", NOW)} == {SERIAL, ADDRESS}


class TestHabit:
    """Silence counts once a device has missed its own."""

    def test_a_nightly_device_may_miss_one_night(self) -> None:
        assert patience(NOW, NOW, 1) == 2 * DAY + 12 * HOUR
        assert patience(NOW, NOW + 10 * DAY, 11) == 2 * DAY + 12 * HOUR

    def test_a_weekly_one_may_miss_a_week(self) -> None:
        assert patience(NOW, NOW + 28 * DAY, 5) == 14 * DAY + 12 * HOUR

    def test_one_that_calls_all_day_has_a_day_and_a_half(self) -> None:
        assert patience(NOW, NOW + HOUR, 40) == 36 * HOUR

    def test_nights_are_days_on_which_it_was_seen(self) -> None:
        known = of([finished(NOW + each) for each in (0 * DAY, HOUR, DAY, DAY + HOUR, 4 * DAY)])[SERIAL]
        assert known.nights == 3 + (NOW.date() != (NOW + HOUR).date())
        assert known.due_at == known.last_seen + patience(known.first_seen, known.last_seen, known.nights)

    def test_what_comes_late_from_another_host_does_not_turn_time_back(self) -> None:
        known = of([finished(NOW), finished(NOW - DAY)])[SERIAL]
        assert (known.first_seen, known.last_seen, known.nights) == (NOW - DAY, NOW, 1)


class TestDiagnosis:
    """The likely cause, and the mend."""

    @pytest.mark.parametrize(
        ("story", "code", "words"),
        [
            ([notice(), der(), refused(), notice(), der(), refused()], "loop", "unknown_ca"),
            ([notice(), der(), notice(), der()], "no_return", "another site key"),
            ([notice(), notice()], "no_download", "cannot reach the address"),
            ([finished(), refused(NOW + HOUR, "alert certificate_expired")], "refuses", "by its clock"),
            ([finished(NOW - 9 * DAY)], "silent", "9 days"),
            ([finished(), notice(NOW + HOUR)], "asks_again", "factory reset"),
        ],
    )
    def test_each_trouble_has_a_name(self, story: list[Sighting], code: str, words: str) -> None:
        found = diagnose(of(story)[SERIAL], NOW + HOUR)
        assert found is not None
        assert found.code == code
        assert words in found.cause
        assert found.mend

    @pytest.mark.parametrize(
        "story",
        [
            [finished()],
            [notice(), der(), finished()],
            [finished(release=1), refused(release=2), notice(release=2), der(release=2), finished(release=2)],
            [finished(release=1), notice(NOW + HOUR, release=2)],
        ],
    )
    def test_a_device_that_is_well_has_none(self, story: list[Sighting]) -> None:
        assert diagnose(of(story)[SERIAL], NOW + HOUR) is None

    def test_an_old_question_is_forgotten(self) -> None:
        known = of([finished(), notice(NOW + HOUR)])[SERIAL]
        asked_again = diagnose(known, NOW + 3 * HOUR)
        assert asked_again is not None
        assert asked_again.code == "asks_again"
        assert diagnose(replace(known, due_at=NOW + 30 * DAY), NOW + 8 * DAY) is None

    @pytest.mark.parametrize("release", [1, 2])
    def test_a_question_is_over_when_the_device_finishes_tls(self, release: int) -> None:
        """Before, it was named for a week. Who asks after that is named again."""
        story = [finished(), notice(NOW + HOUR), finished(NOW + HOUR, release=release)]
        assert diagnose(of(story)[SERIAL], NOW + 2 * HOUR) is None
        again = diagnose(of([*story, notice(NOW + 2 * HOUR, release=release)])[SERIAL], NOW + 3 * HOUR)
        assert again is not None
        assert again.code == "asks_again"


class TestPace:
    """In which time nearly all come by."""

    def test_assumed_without_devices(self) -> None:
        assert not pace_of({}, {}).is_measured
        assert pace_of({3: 2}, {0: 1}).time == 30 * DAY

    def test_the_slower_of_two_measurements(self) -> None:
        assert pace_of({3: 100}, {}).time == 3 * DAY
        assert pace_of({3: 100}, {0: 50, 9: 50}).time == 10 * DAY
        assert pace_of({3: 1000, 90: 1}, {}).time == 3 * DAY, "one device in a thousand does not count"
        assert pace_of({3: 100, 20: 2}, {}).time == 20 * DAY
        assert pace_of({1: 10}, {}).time == 2 * DAY

    def test_it_is_measured_from_what_was_seen(self, world: World) -> None:
        world.add_site()
        world.release()
        for night in range(5):
            world.see(*(world.finished(device, 1, NOW + night * DAY + device * HOUR) for device in range(4)))
        pace = world.rotations.pace("main")
        assert (pace.time, pace.is_measured) == (3 * DAY, True)
        assert "habits of 4 devices" in pace.basis


class TestCounts:
    """What the database counts, beside the same by hand."""

    @pytest.fixture
    def site(self, world: World) -> World:
        world.add_site()
        world.release()
        world.release(activate=False)
        return world

    def test_adoption(self, site: World) -> None:
        for night in range(4):
            site.see(*(site.finished(device, 1, NOW + night * DAY) for device in range(8)))
        since, now = NOW + 3 * DAY + HOUR, NOW + 4 * DAY
        site.see(
            site.finished(0, 2, now),
            site.finished(1, 2, now),
            notice(now, serial=serial_of(2), release=2, address=address_of(2)),
            *(make(now, serial=serial_of(3), release=2, address=address_of(3)) for make in (refused, notice, der) * 2),
            # by plain HTTP anybody can do so in its name; and the last one is seen at an address that is not its own
            *(make(now, serial=serial_of(4), release=2, address=address_of(4)) for make in (notice, der) * 2),
            *(make(now, serial=serial_of(5), release=2) for make in (refused, notice, der) * 2),
            site.finished(99, 2, now),
        )
        counted = Adoption(2, since, devices=8, confirmed=2, refused=1, doubtful={Doubt.PLAIN_LOOP: 1}, new=1)
        found = replace(site.store.adoption("main", 2, since, now + HOUR), examples={})
        assert found == replace(counted, waiting=4)
        found = replace(site.store.adoption("main", 2, since, now + 5 * DAY), examples={})
        assert found == replace(counted, silent=3, moved=1)
        assert (found.lost, found.undecided, found.missing) == (4, 2, 6)

    def test_who_was_not_well_before_does_not_count(self, site: World) -> None:
        site.see(site.finished(0, 1, NOW), site.finished(1, 1, NOW - 30 * DAY), notice(NOW - DAY, serial=serial_of(2)))
        for night in range(8):  # it loops for days before the step
            site.see(*(make(NOW + night * DAY, serial=serial_of(3)) for make in (notice, der, refused)))
        site.see(*(site.finished(0, 1, NOW + night * DAY) for night in range(1, 8)))
        since = NOW + 7 * DAY + HOUR
        assert site.store.adoption("main", 2, since, since + HOUR).devices == 1

    def test_going_back_and_forth_counts_from_the_step_on(self, site: World) -> None:
        site.see(site.finished(0, 2, NOW), site.finished(0, 1, NOW + DAY))
        since = NOW + DAY + HOUR
        assert site.store.adoption("main", 2, since, since + HOUR).confirmed == 0

    def test_missing_and_unseen(self, site: World) -> None:
        site.sites.add_devices([serial_of(number) for number in (5, 0, 1, 7)], "main", site.occasion)
        site.see(site.finished(0, 1, NOW), site.finished(1, 1, NOW - DAY), site.finished(1, 2, NOW), notice(NOW - DAY))
        site.see(notice(NOW - 3 * DAY, serial=serial_of(7), release=2))
        missing = site.evidence.devices("main", NOW, release=2, missing=True)
        assert [(each.identity, each.grade, each.silent_nights) for each in missing] == [
            (serial_of(5), Grade.NEVER_SEEN, None),
            (serial_of(7), Grade.NOTICE, 3),
            (serial_of(0), Grade.NEVER_SEEN, 0),
        ]
        assert site.evidence.grades("main", 2) == {Grade.NEVER_SEEN: 2, Grade.NOTICE: 1, Grade.HANDSHAKE: 1}
        everyone = site.evidence.devices("main", NOW, release=2)
        assert len(everyone) == 4
        assert len(site.evidence.devices("main", NOW, release=2, limit=2)) == 2

    def test_the_troubled_are_named(self, site: World) -> None:
        site.see(site.finished(0, 1, NOW), site.finished(1, 1, NOW - 9 * DAY))
        site.see(*(make(NOW, serial=serial_of(2)) for make in (notice, der, refused, notice, der)))
        troubled = site.evidence.devices("main", NOW + HOUR, troubled=True)
        assert {each.identity: each.diagnosis and each.diagnosis.code for each in troubled} == {
            serial_of(1): "silent",
            serial_of(2): "loop",
        }

    def test_one_device(self, site: World) -> None:
        site.sites.add_device(serial_of(5), "main", site.occasion)
        site.see(site.finished(0, 1, NOW), site.finished(0, 2, NOW + DAY))
        (view,) = site.evidence.device(serial_of(0), NOW + DAY)
        assert view.history is not None
        assert set(view.history.releases) == {1, 2}
        (unseen,) = site.evidence.device(serial_of(5), NOW)
        assert unseen.history is None
        with pytest.raises(NotFound, match="was ever seen"):
            site.evidence.device("192.0.2.77", NOW)
        with pytest.raises(NotFound):
            site.evidence.devices("main", NOW, release=9)

    def test_sites_are_told_apart(self, site: World) -> None:
        site.add_site("north", (replace(HOSTS[0], text="north.example"),), new_site_key())
        site.see(site.finished(0, 1, NOW, "north"), site.finished(0, 1, NOW))
        assert len(site.evidence.devices("main", NOW)) == len(site.evidence.devices("north", NOW)) == 1
        assert [each.site for each in site.evidence.device(serial_of(0), NOW)] == ["main", "north"]

    def test_a_stretch_that_comes_twice_counts_once(self, site: World) -> None:
        found = [notice(), notice(), der()]
        assert site.store.record_sightings("a", 0, 9, found, fold, NOW)
        assert not site.store.record_sightings("a", 0, 9, found, fold, NOW)
        (known,) = site.store.device_history(SERIAL)
        assert (known.notices, known.certificates) == (2, 1)

    def test_many_at_once(self, site: World) -> None:
        site.see(*(site.finished(device, 1, NOW) for device in range(3000)))
        site.see(*(site.finished(device, 2, NOW + DAY) for device in range(0, 3000, 2)))
        assert site.evidence.grades("main", 2) == {Grade.NEVER_SEEN: 1500, Grade.HANDSHAKE: 1500}
        assert len(site.evidence.devices("main", NOW, release=2, missing=True)) == 1500


class TestChanged:
    def test_is_what_replace_gives_and_leaves_the_first_as_it_was(self) -> None:
        before = noted(None, seen(SightingKind.NOTICE), "main", SERIAL)
        kept = replace(before)
        after = changed(before, notices=7, home="192.0.2.9")
        assert after == replace(before, notices=7, home="192.0.2.9") != before == kept
        with pytest.raises(FrozenInstanceError):
            after.notices = 8  # type: ignore[misc]  # that is what is tried

    def test_knows_its_fields(self) -> None:
        wrong: dict[str, Any] = {"notice": 1}
        with pytest.raises(TypeError, match="no notice"):
            changed(noted(None, seen(SightingKind.NOTICE), "main", SERIAL), **wrong)
