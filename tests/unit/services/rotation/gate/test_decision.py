"""The gate, as a table: each row is a situation and what it leads to."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from engage_server.records import (
    Adoption,
    Crowd,
    Doubt,
    GatePolicy,
    Limit,
    Rotation,
    RotationState,
    RotationWay,
    SuspectDevice,
)
from engage_server.services.rotation.gate.decision import Verdict, decide
from engage_server.services.rotation.gate.words import suspect_kinds, undecided_words
from tests.support.chains import NOW
from tests.support.world import serial_of

POLICY = GatePolicy(missing=Limit(3, 5.0), lost=Limit(2, 2.0), soak_hours=24)
FIRST = Rotation(
    1, "main", RotationWay.LINKED_REKEY, RotationState.RUNNING, 1, (2, 3), 1, NOW, "", POLICY, (), NOW, "me"
)
LAST = replace(FIRST, step=2)
ASKING = replace(FIRST, policy=replace(POLICY, asks=True))
STRICT = replace(FIRST, policy=replace(POLICY, missing=Limit(0, 0), soak_hours=0))
UNSURE = replace(FIRST, unsure_until=NOW + timedelta(hours=30), unsure_why="the clock was set")
GO, WAIT, ASK, BACK = Verdict.GO_ON, Verdict.WAIT, Verdict.ASK, Verdict.ROLL_BACK
FAR = "198.51.100.9"


def counts(
    confirmed: int = 0,
    waiting: int = 0,
    silent: int = 0,
    refused: int = 0,
    *,
    moved: int = 0,
    doubtful: int = 0,
    doubt: Doubt = Doubt.PLAIN_LOOP,
    elsewhere: int = 0,
    crowd: int = 0,
) -> Adoption:
    return Adoption(
        2,
        NOW,
        devices=confirmed + waiting + silent + refused + moved + doubtful,
        confirmed=confirmed,
        waiting=waiting,
        refused=refused,
        silent=silent,
        moved=moved,
        doubtful={doubt: doubtful} if doubtful else {},
        elsewhere=elsewhere,
        crowds=(Crowd(FAR, crowd),) if crowd else (),
    )


@pytest.mark.parametrize(
    ("rotation", "adoption", "hours", "verdict", "why"),
    [
        # who came, and who is still due
        (FIRST, counts(100), 25, GO, "100 of 100 devices came through"),
        (FIRST, counts(100), 1, WAIT, "served for 24 hours, 23.0 h to go"),
        (FIRST, counts(97, 3), 25, GO, "97 of 100"),
        (FIRST, counts(96, 4), 25, WAIT, "4 still due, at most 3 may be missing"),
        (FIRST, counts(19, 1), 25, GO, "19 of 20"),
        (FIRST, counts(18, 2), 25, WAIT, "1 may be missing"),
        (FIRST, counts(9, 1), 25, WAIT, "0 may be missing"),
        (STRICT, counts(9, 1), 0, WAIT, "0 may"),
        # who is lost
        (FIRST, counts(8, 0, 2), 25, ASK, "2 missed the usual calls"),
        (FIRST, counts(8, 2, 2), 25, WAIT, "2 still due"),
        (FIRST, counts(7, 0, 3), 25, BACK, "3 of 10 devices lost (0 refused TLS from the usual address, 3 missed"),
        (FIRST, counts(7, 0, 1, 2), 1, BACK, "2 refused TLS from the usual address, 1 missed"),
        (FIRST, counts(990, 0, 5, 5), 25, ASK, "5 refused TLS"),
        (FIRST, counts(979, 0, 11, 10), 1, BACK, "the limit is 20"),
        (LAST, counts(7, 0, 3), 25, BACK, "3 of 10"),
        (FIRST, counts(), 25, ASK, "nothing can be proven"),
        # a person: what one approved is judged elsewhere
        (ASKING, counts(10), 25, ASK, "needs your approval"),
        (replace(ASKING, step=2), counts(10), 25, GO, "10 of 10"),
        # who counts for nothing: never back, and a pause when nobody else is in the way
        (FIRST, counts(9, 0, moved=1), 25, ASK, "1 called from a new address"),
        (FIRST, counts(8, 1, moved=1), 25, WAIT, "1 still due"),
        (FIRST, counts(9, 0, doubtful=1), 25, ASK, "downloaded again and again by plain HTTP"),
        (FIRST, counts(9, 0, doubtful=1), 1, WAIT, "served for 24 hours"),
        (FIRST, counts(96, 3, doubtful=1), 25, ASK, "1 downloaded"),  # without it the three may be missing
        (FIRST, counts(99, 0, doubtful=1), 25, GO, "99 of 100"),
        # more of them than may be lost: a person looks at once, whatever is still due
        (FIRST, counts(0, 7, doubtful=3), 1, ASK, "3 downloaded again and again"),
        (FIRST, counts(0, 8, 1, moved=1), 1, WAIT, "served for 24 hours"),
        (FIRST, counts(0, 7, 2, moved=1), 1, ASK, "1 called from a new address"),
        (FIRST, counts(1, 0, 2, doubtful=90), 25, ASK, "2 missed the usual calls; 90 downloaded"),
        # those that may be devices
        (FIRST, counts(10, elsewhere=1), 25, ASK, "1 not well at the usual address before"),
        (FIRST, counts(10, elsewhere=1), 1, WAIT, "served for 24 hours"),
        (FIRST, counts(8, 2, elsewhere=1), 25, WAIT, "2 still due"),
        (FIRST, counts(19, 1, elsewhere=1), 25, ASK, "1 not well at the usual"),
        (FIRST, counts(146, 0, 3), 25, BACK, "the limit is 2"),
        (FIRST, counts(146, 0, 3, elsewhere=1), 25, ASK, "3 missed the usual calls"),  # of 150 three may be lost
        # one address for many
        (FIRST, counts(4, 6, crowd=4), 1, ASK, f"TLS connections from {FAR} named 4 of 10 devices"),
        (FIRST, counts(4, 6, crowd=3), 1, WAIT, "served for 24 hours"),
        (FIRST, counts(90, 10, crowd=10), 1, WAIT, "served for 24 hours"),
        (FIRST, counts(89, 11, crowd=11), 1, ASK, f"Find out whose address {FAR} is"),
        (FIRST, counts(7, 0, 3, crowd=4), 1, BACK, "3 of 10"),
        # a clock was set
        (UNSURE, counts(7, 0, 3), 25, WAIT, "UTC: the clock was set"),
        (UNSURE, counts(10), 29, WAIT, "nothing is judged"),
        (UNSURE, counts(10), 31, GO, "10 of 10"),
    ],
)
def test_the_table(rotation: Rotation, adoption: Adoption, hours: int, verdict: Verdict, why: str) -> None:
    served = replace(rotation, soaked_seconds=hours * 3600.0)
    found = decide(served, adoption, NOW + timedelta(hours=hours))
    assert found.verdict is verdict, found.why
    assert why in found.why


@pytest.mark.parametrize("doubt", list(Doubt))
def test_no_doubt_ever_turns_back_or_goes_on(doubt: Doubt) -> None:
    for count, waiting in product((1, 5, 500), (0, 4)):
        served = replace(FIRST, soaked_seconds=25 * 3600.0, policy=replace(POLICY, missing=Limit(0, 0)))
        adoption = counts(10, waiting, doubtful=count, doubt=doubt)
        found = decide(served, adoption, NOW + timedelta(hours=25))
        assert found.verdict in (ASK, WAIT)
        (kind,) = suspect_kinds(adoption)
        assert (kind.name, kind.count) == (doubt.value, count)
        if found.verdict is ASK:
            assert kind.words in found.why


def test_to_count_for_nothing_is_never_better_than_not_to_come() -> None:
    """Whatever strangers make of devices that confirmed, are due, or are lost: nothing but a pause comes of it."""
    policies = (POLICY, GatePolicy(), GatePolicy(missing=Limit(50, 10.0), lost=Limit(0, 0.0), soak_hours=0))
    for policy, hours, confirmed, waiting, silent in product(
        policies, (1, 25), (0, 4, 19, 96, 147), (0, 1, 3), (0, 1, 2, 3)
    ):
        rotation = replace(FIRST, policy=policy, soaked_seconds=hours * 3600.0)
        before = decide(rotation, counts(confirmed, waiting, silent), NOW).verdict
        for c, w, s, elsewhere in product(range(3), range(3), range(3), range(2)):
            if c > confirmed or w > waiting or s > silent:
                continue
            left = confirmed - c, waiting - w, silent - s
            for taken in (counts(*left, moved=c + w + s, elsewhere=elsewhere), counts(*left, elsewhere=c + w + s)):
                after = decide(rotation, taken, NOW).verdict
                assert after in (before, ASK), (policy, hours, confirmed, waiting, silent, taken)


def test_examples_are_named_with_their_addresses() -> None:
    device = SuspectDevice(serial_of(1), "192.0.2.1", FAR)
    nameless = SuspectDevice("192.0.2.7", "192.0.2.7", "")
    found = replace(counts(moved=1, silent=1), examples={"moved": (device,), "silent": (nameless,)})
    assert f"({serial_of(1)} at 192.0.2.1, seen at {FAR})" in undecided_words(found)
    assert "(192.0.2.7)" in undecided_words(found)


def test_limits_are_counts_and_percentages() -> None:
    limit = Limit(3, 2.0)
    assert [limit.smaller(devices) for devices in (10, 50, 100, 1000)] == [0, 1, 2, 3]
    assert [limit.larger(devices) for devices in (10, 50, 100, 1000)] == [3, 3, 3, 20]
