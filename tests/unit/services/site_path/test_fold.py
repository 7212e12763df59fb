"""What events of links say together, and what follows at a moment."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.records import LINK_REMOVED, LinkCut, LinkStanding, PathCut, PathEvent, PathSays
from engage_server.services.site_path.cuts import cut_path
from engage_server.services.site_path.fold import fold
from engage_server.services.site_path.standing import (
    NO_LINK,
    SILENCE,
    TRUSTED_FOR,
    PathState,
    SitePath,
    link_path,
    site_path,
)
from tests.support.path_events import at, path_event, registered

WORKS, DEGRADED, CUT, NOTHING = PathSays.WORKS, PathSays.DEGRADED, PathSays.CUT, PathSays.NOTHING
RESTORED = PathSays.RESTORED


def folded(*events: PathEvent) -> LinkStanding:
    """The standing of the one link of these events."""
    (standing,) = fold({}, events).standings.values()
    return standing


def last(standing: LinkStanding) -> LinkCut:
    """The last cut of a link."""
    return standing.cuts[-1]


def seen(minutes: float, *events: PathEvent) -> SitePath:
    """What these events say so many minutes later."""
    return link_path(folded(*events), at(minutes))


class TestOneLink:
    """One link, at a moment."""

    @pytest.mark.parametrize(
        ("events", "minutes", "state", "since", "by"),
        [
            ([path_event(NOTHING, 0)], 1, PathState.UNKNOWN, None, ""),
            ([path_event(WORKS, 0)], 1, PathState.OK, 0, "said_works"),
            ([path_event(WORKS, 0), path_event(WORKS, 9)], 10, PathState.OK, 0, "said_works"),
            ([path_event(CUT, 3)], 9999, PathState.CUT, 3, "said_cut"),
            ([path_event(CUT, 3), path_event(CUT, 5)], 9, PathState.CUT, 3, "said_cut"),
            ([path_event(CUT, 3), path_event(WORKS, 5)], 9, PathState.OK, 5, "said_works"),
            ([path_event(WORKS, 0), path_event(CUT, 3), path_event(WORKS, 5)], 9, PathState.OK, 5, "said_works"),
            ([path_event(WORKS, 5), path_event(CUT, 3)], 9, PathState.OK, 5, "said_works"),
            ([path_event(DEGRADED, 1), path_event(CUT, 3)], 9, PathState.CUT, 3, "said_cut"),
            ([path_event(CUT, 3), path_event(DEGRADED, 5)], 9, PathState.CUT, 3, "said_cut"),
            ([path_event(DEGRADED, 2)], 9, PathState.DEGRADED, 2, "said_degraded"),
            ([path_event(WORKS, 0), path_event(NOTHING, 3)], 9, PathState.OK, 0, "said_works"),
            ([path_event(RESTORED, 3)], 9, PathState.UNKNOWN, None, ""),
            ([path_event(CUT, 3), path_event(RESTORED, 5)], 9, PathState.UNKNOWN, None, ""),
            ([path_event(RESTORED, 5), path_event(CUT, 3)], 9, PathState.UNKNOWN, None, ""),
            ([path_event(RESTORED, 5), path_event(CUT, 7)], 9, PathState.CUT, 7, "said_cut"),
            ([path_event(CUT, 3), path_event(RESTORED, 3)], 9, PathState.CUT, 3, "said_cut"),
            ([path_event(RESTORED, 3), path_event(CUT, 3)], 9, PathState.CUT, 3, "said_cut"),
            ([path_event(WORKS, 3), path_event(DEGRADED, 3)], 9, PathState.DEGRADED, 3, "said_degraded"),
            ([path_event(DEGRADED, 3), path_event(WORKS, 3)], 9, PathState.DEGRADED, 3, "said_degraded"),
            ([path_event(WORKS, 0), path_event(CUT, 3), path_event(RESTORED, 5)], 9, PathState.OK, 5, "said_works"),
            ([path_event(WORKS, 0), path_event(RESTORED, 5)], 9, PathState.OK, 0, "said_works"),
            (
                [path_event(CUT, 1), path_event(DEGRADED, 5), path_event(RESTORED, 3)],
                9,
                PathState.DEGRADED,
                5,
                "said_degraded",
            ),
            ([path_event(CUT, 1), path_event(CUT, 5), path_event(WORKS, 3)], 9, PathState.CUT, 5, "said_cut"),
        ],
    )
    def test_what_was_said(
        self, events: Sequence[PathEvent], minutes: float, state: PathState, since: float | None, by: str
    ) -> None:
        assert seen(minutes, *events) == SitePath(state, None if since is None else at(since), "sim", by)

    def test_what_works_is_believed_for_a_day_and_then_unknown(self) -> None:
        believed = TRUSTED_FOR / timedelta(minutes=1)
        assert seen(believed, path_event()).state is PathState.OK
        assert seen(believed + 1, path_event()) == SitePath(PathState.UNKNOWN, at(believed), "sim", SILENCE)

    def test_silence_is_told_where_something_is_expected(self) -> None:
        events = registered(expects=600), path_event()
        assert seen(30, *events).state is PathState.OK
        assert seen(31, *events) == SitePath(PathState.DEGRADED, at(30), "sim", SILENCE)

    def test_registering_keeps_what_is_known(self) -> None:
        standing = folded(path_event(WORKS, 1), registered(2, site="other", expects=60))
        assert (standing.site, standing.partner, standing.expects_seconds) == ("other", "kpn", 60)
        assert standing.works_at == at(1)

    @pytest.mark.parametrize("text", ["", "-5", "many", "9" * 30, "1.5", "²"])
    def test_an_expectation_that_is_no_number_is_none(self, text: str) -> None:
        event = path_event(NOTHING, kind="link_registered", partner="kpn", expects_seconds=text)
        assert folded(event).expects_seconds == 0

    def test_a_removed_link_is_gone_and_may_come_back(self) -> None:
        removed = path_event(NOTHING, 2, kind=LINK_REMOVED)
        gone = folded(registered(expects=60), path_event(), removed)
        assert (gone.is_removed, gone.partner, gone.expects_seconds, gone.works_at) == (True, "", 0, None)
        assert site_path([gone], at(3)) == NO_LINK
        back = folded(path_event(CUT, 1), removed, registered(3))
        assert (back.is_removed, back.partner, back.trouble) == (False, "kpn", NOTHING)
        assert not folded(registered(2), removed).is_removed, "of one moment, the registration counts"
        assert folded(registered(4), registered(3, site="other")).site == "main", "the newest one counts"

    @given(told=st.lists(st.sampled_from([WORKS, DEGRADED, CUT, RESTORED]), min_size=1, max_size=3))
    def test_what_was_said_before_the_removal_makes_no_ghost(self, told: list[PathSays]) -> None:
        """Another process may report late. Nothing would ever end what it said."""
        events = [path_event(says, minute) for minute, says in enumerate(told)]
        removed = path_event(NOTHING, len(told) - 1, kind=LINK_REMOVED)
        for order in permutations([registered(-1), *events, removed]):
            gone = folded(*order)
            assert site_path([gone], at(60)) == NO_LINK, order
            back = folded(*order, registered(9))
            assert link_path(back, at(10)).state is PathState.UNKNOWN, order
            assert (back.trouble, back.works_at, back.partner) == (NOTHING, None, "kpn"), order

    def test_what_a_removed_link_says_counts_once_it_is_registered_again(self) -> None:
        """Its host may report it before the event of the registration is read."""
        removed, cut, back = path_event(NOTHING, 2, kind=LINK_REMOVED), path_event(CUT, 4), registered(3)
        assert site_path([folded(registered(), removed, cut)], at(9)) == NO_LINK
        for order in permutations([removed, cut, back]):
            assert link_path(folded(*order), at(9)).state is PathState.CUT, order

    def test_what_works_after_a_time_without_a_word_begins_anew(self) -> None:
        night = TRUSTED_FOR / timedelta(minutes=1)
        words = path_event(WORKS, 0), path_event(WORKS, 9)
        assert folded(*words, path_event(WORKS, 9 + night)).works_since == at(0)
        later = folded(*words, path_event(WORKS, 10 + night))
        assert later.works_since == at(10 + night)
        assert folded(path_event(WORKS, 10 + night), *words).works_since == at(10 + night), "in whatever order it came"

    def test_trouble_that_is_said_again_counts_whatever_a_clock_that_is_ahead_said(self) -> None:
        """Restored by a host five minutes ahead, and suspended before that: the next word of it counts."""
        events = path_event(CUT, 0), path_event(RESTORED, 65), path_event(CUT, 63)
        assert link_path(folded(*events), at(70)).state is PathState.UNKNOWN
        again = folded(*events, path_event(CUT, 123))
        assert link_path(again, at(130)).state is PathState.CUT
        assert again.cuts == (LinkCut("main", at(0), at(65)), LinkCut("main", at(123)))

    @pytest.mark.parametrize("order", [*permutations(range(3))])
    def test_the_kind_after_which_less_can_be_mended_names_the_cut(self, order: Sequence[int]) -> None:
        """A SIM that is retired cannot be activated again, though it was suspended before, and is said to be again."""
        kinds = ("sim_suspended", "sim_retired", "sim_suspended")
        events = [path_event(CUT, minutes, kind=kind) for minutes, kind in enumerate(kinds)]
        standing = folded(*(events[each] for each in order))
        assert (standing.trouble_by, standing.trouble_since) == ("sim_retired", at(0))
        mended = fold({standing.link: standing}, [path_event(RESTORED, 5), path_event(CUT, 6, kind=kinds[0])])
        again = mended.standings[standing.link]
        assert again.trouble_by == "sim_suspended", "after its end, another cut has its own name"

    def test_what_does_not_change_is_not_written(self) -> None:
        standing = folded(path_event())
        assert fold({"sim": standing}, [path_event(NOTHING, 5), path_event()]).standings == {}

    @pytest.mark.parametrize("worked", [False, True])
    @given(told=st.lists(st.sampled_from([WORKS, DEGRADED, CUT, RESTORED]), min_size=1, max_size=4))
    def test_the_newest_word_counts_in_whatever_order_it_came(self, *, worked: bool, told: list[PathSays]) -> None:
        """Each worker has its own spool file. Whether the path works must not depend on which one is read first."""
        events = [path_event(says, minute) for minute, says in enumerate([WORKS, *told] if worked else told)]
        expected, in_order = state_of([each.says for each in events]), replace(folded(*events), marks=())
        for order in permutations(events):
            standing = folded(*order)
            assert link_path(standing, at(10)).state is expected, order
            assert bool(standing.cuts) is (CUT in told)
            assert bool(standing.cuts and last(standing).until is None) is (expected is PathState.CUT)
            assert replace(standing, marks=()) == in_order, order


def state_of(told: Sequence[PathSays]) -> PathState:
    """What these words mean together, said one after the other: the rule without any way to keep it."""
    ends = [place for place, says in enumerate(told) if says in (WORKS, RESTORED)]
    since = told[ends[-1] + 1 :] if ends else told
    for says, state in ((CUT, PathState.CUT), (DEGRADED, PathState.DEGRADED)):
        if says in since:
            return state
    return PathState.OK if WORKS in told else PathState.UNKNOWN


class TestCuts:
    """When the last cut of a link began and ended."""

    @pytest.mark.parametrize(
        ("events", "since", "until"),
        [
            ([path_event(CUT, 3)], 3, None),
            ([path_event(CUT, 3), path_event(CUT, 5)], 3, None),
            ([path_event(CUT, 5), path_event(CUT, 3)], 3, None),
            ([path_event(CUT, 3), path_event(WORKS, 5), path_event(WORKS, 9)], 3, 5),
            ([path_event(CUT, 3), path_event(WORKS, 9), path_event(WORKS, 5)], 3, 5),
            ([path_event(CUT, 3), path_event(RESTORED, 5), path_event(WORKS, 9)], 3, 5),
            ([path_event(WORKS, 5), path_event(WORKS, 9), path_event(CUT, 3)], 3, 5),
            ([path_event(CUT, 3), path_event(DEGRADED, 5)], 3, None),
            ([path_event(DEGRADED, 3), path_event(CUT, 5), path_event(WORKS, 7), path_event(DEGRADED, 8)], 5, 7),
        ],
    )
    def test_a_cut_is_remembered(self, events: Sequence[PathEvent], since: float, until: float | None) -> None:
        standing = folded(*events)
        assert last(standing) == LinkCut("main", at(since), None if until is None else at(until))

    def test_a_cut_that_comes_back_is_another_one(self) -> None:
        """A path that comes and goes for weeks is no cut of weeks."""
        flaps = [
            event for day in range(20) for event in (path_event(CUT, day * 1440), path_event(WORKS, day * 1440 + 60))
        ]
        expected = tuple(LinkCut("main", at(day * 1440), at(day * 1440 + 60)) for day in range(20))
        assert folded(*flaps).cuts == folded(*reversed(flaps)).cuts == expected

    @pytest.mark.parametrize("end", [RESTORED, WORKS])
    def test_a_word_close_after_a_cut_does_not_shorten_it(self, end: PathSays) -> None:
        """It came late, or from a clock that is ahead. Doors would lose their night for it."""
        days = 3 * 24 * 60
        for order in permutations([path_event(CUT, 0), path_event(end, days), path_event(WORKS, 3)]):
            assert last(folded(*order)).until == at(days), order
        assert folded(path_event(CUT, 0), path_event(WORKS, 3)).cuts[-1].until == at(3), "there is no other word"

    @given(ends=st.lists(st.integers(1, 4000), min_size=1, max_size=4), says=st.sampled_from([WORKS, RESTORED]))
    def test_the_end_does_not_depend_on_the_order_of_the_words(self, ends: list[int], says: PathSays) -> None:
        words = [path_event(says, minutes) for minutes in ends]
        found = {last(folded(path_event(CUT, 0), *order)).until for order in permutations(words)}
        assert found == {at(min([each for each in ends if each > 10] or ends))}

    def test_a_removal_ends_a_cut(self) -> None:
        removed = path_event(NOTHING, 60, kind=LINK_REMOVED)
        for order in permutations([registered(), path_event(CUT, 3), removed]):
            gone = folded(*order)
            assert (gone.cuts, gone.trouble) == ((LinkCut("main", at(3), at(60)),), NOTHING), order

    def test_a_cut_that_is_said_after_the_removal_is_none(self) -> None:
        removed = path_event(NOTHING, 60, kind=LINK_REMOVED)
        gone = folded(registered(), path_event(CUT, 3), removed, path_event(CUT, 90))
        assert gone.cuts == (LinkCut("main", at(3), at(60)),)
        assert folded(registered(), removed, path_event(CUT, 90)).cuts == ()

    def test_a_cut_that_came_after_its_end_stays_in_the_history(self) -> None:
        """Each worker has its own spool file. The nights of the past must be right, too."""
        words = path_event(WORKS, 0), path_event(RESTORED, 600), path_event(CUT, 900), path_event(WORKS, 960)
        late = folded(*words, path_event(CUT, 300))
        assert late.cuts == (LinkCut("main", at(300), at(600)), LinkCut("main", at(900), at(960)))
        assert link_path(late, at(999)).state is PathState.OK

    def test_a_word_between_many_that_say_the_same_is_right_to_the_hour(self) -> None:
        """Old words that say the same are one mark. A later one splits it."""
        often = [path_event(WORKS, minutes) for minutes in range(0, 6000, 20)]
        assert len(folded(*often).marks) < 60
        (cut,) = folded(*often, path_event(CUT, 1010)).cuts
        assert (cut.since, cut.until) == (at(1010), at(1070))

    def test_marks_are_limited_and_keep_since_when_it_is_so(self) -> None:
        daily = [path_event(CUT, 0), *(path_event(CUT, 1440 * day) for day in range(1, 600))]
        standing = folded(*daily)
        assert len(standing.marks) <= 240
        assert (standing.trouble_since, standing.cuts) == (at(0), (LinkCut("main", at(0)),))


class TestMoves:
    """A link that is moved to another site."""

    EVENTS = registered(), path_event(CUT, 10), registered(60, site="other")

    @pytest.mark.parametrize("order", [*permutations(range(3))])
    def test_each_site_keeps_its_part_of_a_cut(self, order: Sequence[int]) -> None:
        standing = folded(*(self.EVENTS[each] for each in order))
        here, there = standing.seen_from("other"), standing.seen_from("main")
        for each, site, expected in (
            (here, "other", PathCut(at(60))),
            (there, "main", PathCut(at(10), at(60))),
        ):
            path = cut_path([each], site, at(70))
            assert path is not None
            assert (path.cut, path.earlier) == (expected, ())
        assert site_path([here], at(70)).since == at(60)
        assert site_path([there], at(70)) == NO_LINK, "it leads elsewhere now"

    def test_a_cut_that_ended_before_the_move_is_the_old_sites(self) -> None:
        standing = folded(*self.EVENTS[:2], path_event(WORKS, 50), self.EVENTS[2])
        assert cut_path([standing.seen_from("other")], "other", at(70)) is None
        assert cut_path([standing.seen_from("main")], "main", at(70)) is not None


class TestRepetitions:
    """Trouble that lasts is said each hour. One of these events a day is kept."""

    def kept(self, *events: PathEvent) -> list[int]:
        needless = fold({}, events).needless
        return [place for place in range(len(events)) if place not in needless]

    def test_it_is_kept_where_it_begins_changes_and_ends(self) -> None:
        said = [path_event(CUT, minutes, thing="1") for minutes in (0, 45, 90)]
        assert self.kept(*said, path_event(RESTORED, 99), path_event(CUT, 100, thing="1")) == [0, 3, 4]
        assert self.kept(*said, path_event(CUT, 99, thing="2"), path_event(CUT, 100, thing="2")) == [0, 3]
        assert self.kept(*said, path_event(CUT, 99, kind="sim_retired")) == [0, 3]
        assert self.kept(path_event(WORKS, 0), path_event(WORKS, 9)) == [0, 1], "it must be believed"

    def test_once_a_day_in_between(self) -> None:
        days = self.kept(*(path_event(CUT, minutes) for minutes in range(0, 5 * 1440, 45)))
        assert 5 <= len(days) <= 6

    def test_what_is_left_out_still_counts(self) -> None:
        standing = folded(path_event(CUT, 0), path_event(CUT, 90))
        assert standing.trouble_at == at(90)


class TestClocks:
    """A host whose clock is ahead by a year."""

    YEAR = 365 * 24 * 60

    def by(self, minutes: float, known: LinkStanding | None, *events: PathEvent) -> LinkStanding:
        """The standing, folded at this time."""
        return fold({"sim": known} if known else {}, events, at(minutes)).standings["sim"]

    @pytest.mark.parametrize("says", [WORKS, RESTORED])
    def test_an_end_in_the_future_ends_no_later_cut(self, says: PathSays) -> None:
        ahead = self.by(0, None, path_event(says, self.YEAR))
        assert (ahead.works_at or ahead.restored_at) == at(0)
        assert link_path(self.by(20, ahead, path_event(CUT, 20)), at(20)).state is PathState.CUT
        assert folded(path_event(says, 10)) == self.by(0, None, path_event(says, 10)), "clocks may differ so far"

    def test_events_ahead_of_the_folding_host_keep_their_order(self) -> None:
        """Its own clock is a day behind: what came last is still the last word."""
        day = 24 * 60
        told = self.by(0, None, path_event(CUT, day), path_event(RESTORED, day + 5))
        assert (told.trouble, told.restored_at) == (NOTHING, at(0))
        back = self.by(0, None, path_event(RESTORED, day), path_event(CUT, day + 5))
        assert back.trouble is CUT

    @pytest.mark.parametrize("says", [CUT, DEGRADED])
    def test_trouble_in_the_future_ends_as_any(self, says: PathSays) -> None:
        ahead = self.by(0, None, path_event(says, self.YEAR))
        assert (ahead.trouble, ahead.trouble_since) == (says, at(0))
        assert self.by(20, ahead, path_event(RESTORED, 20)).trouble is NOTHING

    @pytest.mark.parametrize("says", [WORKS, RESTORED])
    def test_what_is_stored_with_a_time_in_the_future_is_older_than_what_comes(self, says: PathSays) -> None:
        stored = folded(path_event(says, self.YEAR))
        assert link_path(self.by(20, stored, path_event(CUT, 19)), at(20)).state is PathState.CUT
        cut = folded(path_event(CUT, self.YEAR))
        assert self.by(20, cut, path_event(RESTORED, 19)).trouble is NOTHING


class TestCutOfSite:
    """When nothing came through to a site that may have several links."""

    def cut(self, minutes: float, *events: PathEvent) -> PathCut | None:
        path = cut_path(list(fold({}, events).standings.values()), "main", at(minutes))
        return path.cut if path else None

    def test_without_a_cut(self) -> None:
        assert self.cut(9) is None
        assert self.cut(9, path_event(WORKS, 1), path_event(DEGRADED, 3)) is None

    def test_one_link(self) -> None:
        events = path_event(WORKS, 1), path_event(CUT, 3)
        assert self.cut(9, *events) == PathCut(at(3))
        assert self.cut(9, *events, path_event(RESTORED, 5)) == PathCut(at(3), at(5))

    @pytest.mark.parametrize("minutes", [1, 5])
    def test_a_message_over_another_link_ends_nothing(self, minutes: float) -> None:
        """A device on KPN says nothing of the router's SIM: it has a path of its own."""
        events = path_event(CUT, 3), path_event(WORKS, minutes, link="kpn", kind="kpn_message")
        assert self.cut(9, *events) == PathCut(at(3))
        assert self.cut(9, *events, path_event(WORKS, 7)) == PathCut(at(3), at(7)), "the link says so"

    def test_a_path_is_cut_while_any_of_its_links_is(self) -> None:
        cuts = path_event(CUT, 3), path_event(CUT, 6, link="b")
        assert self.cut(9, *cuts) == PathCut(at(3))
        assert self.cut(9, *cuts, path_event(WORKS, 8)) == PathCut(at(3))
        ended = path_event(WORKS, 8), path_event(RESTORED, 9, link="b")
        assert self.cut(10, *cuts, *ended) == PathCut(at(3), at(9))
        assert self.cut(20, *cuts, *ended, path_event(CUT, 15)) == PathCut(at(15)), "another one"

    def test_a_removed_link_leaves_its_cut(self) -> None:
        """Renamed or removed: doors behind it get their night all the same."""
        events = registered(), path_event(CUT, 3), path_event(NOTHING, 60, kind=LINK_REMOVED)
        assert self.cut(61, *events) == PathCut(at(3), at(60))
        renamed = registered(60, link="b")
        assert self.cut(61, *events, renamed) == PathCut(at(3), at(60))
        assert self.cut(90, *events, renamed, path_event(CUT, 75, link="b")) == PathCut(at(75))


class TestSite:
    """Several links of one site."""

    @pytest.mark.parametrize(
        ("says", "state", "link"),
        [
            ([WORKS, WORKS], PathState.OK, "a"),
            ([WORKS, NOTHING], PathState.OK, "a"),
            ([WORKS, CUT], PathState.CUT, "b"),
            ([WORKS, DEGRADED], PathState.DEGRADED, "b"),
            ([CUT, NOTHING], PathState.CUT, "a"),
            ([DEGRADED, CUT], PathState.CUT, "b"),
            ([DEGRADED, NOTHING], PathState.DEGRADED, "a"),
            ([NOTHING, NOTHING], PathState.UNKNOWN, "a"),
            ([CUT, CUT, WORKS], PathState.CUT, "a"),
        ],
    )
    def test_links_together(self, says: Sequence[PathSays], state: PathState, link: str) -> None:
        events = [
            path_event(each, number, link=name) for number, (each, name) in enumerate(zip(says, "abc", strict=False))
        ]
        path = site_path(list(fold({}, events).standings.values()), at(20))
        assert (path.state, path.link) == (state, link)

    def test_without_a_link_nothing_is_known(self) -> None:
        assert site_path([], at(0)) == NO_LINK
