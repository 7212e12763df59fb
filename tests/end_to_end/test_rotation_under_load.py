"""As one unit, under load: many activations and roll-backs while devices come all the time, and nothing is torn."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engage_server.composition.operator_side import OperatorSide, open_operator_side
from engage_server.protocol.notice import digest_of
from engage_server.records import Occasion
from engage_server.settings import load_settings
from tests.support.chains import HOSTS, SITE_KEY
from tests.support.lengths import examples
from tests.support.load import Moments, Visit, Visitors, torn
from tests.support.running import engage, eventually, ok, running_pair

CHANGES = examples(all=8, quick=6, campaign=50)
# of each three, two go to the plain instance and one to TLS
CONNECTIONS_PER_SECOND = examples(all=200, quick=200, campaign=600)
RELEASES = 4


@pytest.fixture
def operator(installation: Path) -> Iterator[OperatorSide]:
    """The services on the installation, with some releases of different roots."""
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    for number in range(2, RELEASES + 1):
        ok(engage(installation, "chain", "build", f"chain{number}", *hosts))
        ok(engage(installation, "release", "stage", f"chain{number}"))
    operator = open_operator_side(load_settings(None, {}, {}, installation), {})
    yield operator
    operator.close()


def occasion() -> Occasion:
    return Occasion("tester", datetime.now(UTC))


def change(operator: OperatorSide, moments: Moments, act: Callable[[], object]) -> None:
    """One change, and the wait until every worker has confirmed it."""
    began = time.monotonic()
    place = len(moments.began)
    moments.began.append(began)
    moments.confirmed.append(float("inf"))
    moments.anchors.append("")
    moments.leaves.append("")
    act()
    number = operator.releases.current("main")
    release = next(each for each in operator.releases.all("main") if each.number == number)
    moments.anchors[place], moments.leaves[place] = digest_of(release.anchor_der), digest_of(release.chain[0])
    generation = operator.confirmations.generation()
    eventually(lambda: operator.confirmations.look("main", generation).is_complete, "all workers confirm")
    moments.confirmed[place] = time.monotonic()


def test_many_changes_tear_nothing(
    installation: Path, operator: OperatorSide, record_property: Callable[[str, object], None]
) -> None:
    with running_pair(installation, "--workers", "2") as pair:
        eventually(lambda: len(operator.confirmations.workers()) == 4, "all workers say that they live")
        before = pair.workers()
        moments = Moments()
        change(operator, moments, lambda: None)
        with Visitors(pair, SITE_KEY.reveal(), CONNECTIONS_PER_SECOND) as visitors:
            for number in range(CHANGES):
                _one_of_many(operator, moments, number)
            time.sleep(0.5)
        assert sorted(pair.workers()) == sorted(before), "nothing was restarted"
        assert len(before) == 4
        pace = visitors.connections / visitors.seconds
        waits = sorted(b - a for a, b in zip(moments.began, moments.confirmed, strict=True))
        record_property("connections", visitors.connections)
        record_property("connections_per_second", round(pace))
        record_property("seconds_until_all_confirmed", f"median {waits[len(waits) // 2]:.2f}, longest {waits[-1]:.2f}")
        assert visitors.failures == {}
        assert torn(visitors.visits, moments) == []
        assert len(moments.began) == CHANGES + 1
        assert len({visit.leaf for visit in visitors.visits}) == RELEASES, "devices saw all of it"
        assert len(visitors.visits) > CHANGES


def _one_of_many(operator: OperatorSide, moments: Moments, number: int) -> None:
    if number % 5 == 4:
        change(operator, moments, lambda: operator.releases.roll_back("main", {}, "back and forth", occasion()))
        return
    current = operator.releases.current("main") or 0
    change(operator, moments, lambda: operator.releases.activate("main", current % RELEASES + 1, {}, occasion()))


def test_the_witness_sees_what_is_torn() -> None:
    """The negative control: a worker that stays behind, or one that mixes two releases, is seen."""
    moments = Moments(["a1", "a2", "a3"], ["l1", "l2", "l3"], [0.0, 10.0, 20.0], [1.0, 11.0, 21.0])

    def visit(anchor: str, leaf: str, by_tls: str, at: float) -> Visit:
        return Visit(at, at + 0.1, at + 0.2, at + 0.3, anchor, leaf, by_tls)

    whole = [
        visit("a1", "l1", "a1", 5.0),
        visit("a1", "l2", "a2", 10.5),  # another worker, which was faster
        visit("a2", "l1", "a1", 10.5),  # or slower
        visit("a1", "l1", "a2", 10.5),  # the change came between the handshake and the request
    ]
    broken = [
        visit("a1", "l2", "a2", 5.0),  # nobody could serve this yet
        visit("a1", "l1", "a1", 15.0),  # somebody stayed behind
        visit("a2", "l3", "a2", 20.5),  # one worker's notice is older than its chain
        visit("a3", "l1", "a3", 20.5),
    ]
    assert torn(whole, moments) == []
    assert torn(broken, moments) == broken


def test_activate_waits_and_names_who_does_not_follow(installation: Path, operator: OperatorSide) -> None:
    with running_pair(installation, "--workers", "1") as pair:
        eventually(lambda: len(operator.confirmations.workers()) == 2, "both workers say that they live")
        done = ok(engage(installation, "release", "activate", "2", "--wait"))
        assert "2 of 2 workers serve it, on 1 host" in done
        first, second = (each.switched_at for each in operator.confirmations.workers())
        assert first
        assert second
        assert abs(first - second) < timedelta(seconds=0.3), "at one moment; alone, each would follow within its poll"
        _, https_worker = pair.workers()
        with stopped(https_worker):
            begun = datetime.now(UTC)
            refused = engage(installation, "release", "activate", "3", "--wait", "--wait-seconds", "4")
            (plain,) = [each for each in operator.confirmations.workers() if each.listener == "http"]
        assert plain.switched_at
        assert timedelta() < plain.switched_at - begun < timedelta(seconds=4), "it blocks nobody for longer"
        assert not plain.is_late
        assert refused.returncode == 1
        assert f"https {https_worker} on " in refused.stdout
        assert "1 of 2 workers serves it" in refused.stdout
        eventually(lambda: serves(operator, 3, 2), "it follows when it can")
        assert [each.pid for each in operator.confirmations.workers() if each.is_late] == [https_worker]
        assert f"late: https {https_worker} on " in engage(installation, "status").stdout
        eventually(lambda: "not prepared in time" in pair.log, "its log says so")
        back = ok(engage(installation, "release", "rollback", "--wait", "--json"))
        assert '"number": 2' in back
        assert '"behind": []' in back
    assert operator.confirmations.workers() == (), "who ends says so"
    assert "no worker runs" in ok(engage(installation, "release", "activate", "1", "--wait"))


def serves(operator: OperatorSide, number: int, workers: int) -> bool:
    """Whether so many workers say that they serve this release."""
    return [each.served["main"] for each in operator.confirmations.workers()] == [number] * workers


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that does not run for a while, as on a machine that is too busy."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.long("tests/unit/services/releases/test_arrival.py")
def test_a_worker_that_is_killed_is_not_waited_for(installation: Path, operator: OperatorSide) -> None:
    with running_pair(installation, "--workers", "1") as pair:
        eventually(lambda: len(operator.confirmations.workers()) == 2, "both workers say that they live")
        _, killed = pair.workers()
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: killed not in pair.workers() and len(pair.workers()) == 2, "it is replaced")
        done = engage(installation, "release", "activate", "2", "--wait", "--wait-seconds", "20")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "2 of 2 workers serve it" in done.stdout
