"""A bulk writes each Thing at most once, says what did not work, and can be taken up again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest

from engage_server.errors import Conflict, EngageError, FileNotUsable, NotFound, NotPossible, UpstreamAway
from engage_server.links.sim.account import Values
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.plans.bulk import Bulk
from engage_server.links.sim.plans.journal import BulkHead, BulkJournal, begin_bulk
from engage_server.links.sim.plans.outcomes import TOO_MANY, BulkResult, Counts, Outcome, why_not_all
from engage_server.links.sim.plans.pace import Pace
from engage_server.links.sim.plans.taking_up import (
    SETTLE_SECONDS,
    fresh_things,
    seconds_to_settle,
    take_up,
    unfinished,
)
from engage_server.links.sim.plans.writes import ServicesWrite, StateWrite, TagsWrite, Write
from engage_server.links.sim.things import Thing, ThingState
from tests.support.sim.memory import MemoryAccount, iccid, silent, sims

NOW = datetime(2027, 1, 2, 3, 4, tzinfo=UTC)
SUSPEND = StateWrite(ThingState.SUSPENDED)


@contextmanager
def begun(folder: Path, account: MemoryAccount, write: Write = SUSPEND) -> Iterator[BulkJournal]:
    with begin_bulk(folder, BulkHead("b", account.name, write, tuple(account.by_name), NOW, "anna")) as journal:
        yield journal


def run(account: MemoryAccount, journal: BulkJournal, at_once: int = 1, told: list[Thing] | None = None) -> BulkResult:
    def tell(counts: Counts, changed: Sequence[Thing]) -> None:
        if told is not None:
            told.extend(changed)

    known = fresh_things(account, journal.so_far.left())
    return Bulk(account, journal, known, Pace(1e9, monotonic), at_once).run(tell)


def jumping_pace() -> Pace:
    """Nobody has to wait: whenever it looks at the clock, a quarter of an hour has passed."""
    clock = iter(range(0, 1_000_000_000, 900))
    return Pace(1e9, lambda: float(next(clock)))


@pytest.mark.parametrize("at_once", [1, 7])
def test_each_thing_is_written_once(tmp_path: Path, at_once: int) -> None:
    account, told = MemoryAccount(sims(40)), list[Thing]()
    with begun(tmp_path, account) as journal:
        result = run(account, journal, at_once, told)
    assert result.counts == Counts(40, done=40)
    assert result.failures == []
    assert set(account.written().values()) == {1}
    assert len(account.written()) == 40
    assert {each.state for each in told} == {ThingState.SUSPENDED}
    assert len(told) == 40
    assert why_not_all(result) is None
    assert unfinished(tmp_path) == []


def test_what_the_operator_refuses_is_listed_and_the_others_are_done(tmp_path: Path) -> None:
    account = MemoryAccount(sims(20))

    def refuse(operation: Operation, values: Values) -> None:
        if str(values["thing"]) in (iccid(3), iccid(9)):
            raise Conflict("412: the Thing is locked", "Ask the operator.", code="sim.precondition")

    account.before = refuse
    with begun(tmp_path, account) as journal:
        result = run(account, journal)
    assert result.counts == Counts(20, done=18, failed=2)
    assert [(each.thing, each.outcome, each.trouble.code) for each in result.failures] == [
        (iccid(3), Outcome.FAILED, "sim.precondition"),
        (iccid(9), Outcome.FAILED, "sim.precondition"),
    ]
    assert why_not_all(result) is None, "nothing is left to do"


@pytest.mark.parametrize("happened", [True, False])
def test_a_write_without_an_answer_is_looked_up_and_not_sent_again(tmp_path: Path, happened: bool) -> None:
    account = MemoryAccount(sims(5))
    sent = list[str]()

    def lose(operation: Operation, values: Values) -> None:
        if values["thing"] == iccid(2):
            sent.append(iccid(2))
            raise silent()

    if happened:
        account.after = lose
    else:
        account.before = lose
    with begun(tmp_path, account) as journal:
        result = run(account, journal)
    assert sent == [iccid(2)]
    if happened:
        assert result.counts == Counts(5, done=5)
        return
    assert result.counts == Counts(5, done=4, unknown=1), "it may still be done"
    assert [(each.thing, each.outcome) for each in result.failures] == [(iccid(2), Outcome.UNKNOWN)]
    error = why_not_all(result)
    assert error is not None
    assert "1 of 5" in error.sentence
    account.before = lambda operation, values: None
    with take_up(tmp_path, None) as journal:
        written = datetime.fromtimestamp(journal.changed_at, UTC)
        assert seconds_to_settle(journal, written) == pytest.approx(SETTLE_SECONDS, abs=1)
        assert run(account, journal).counts == Counts(5, done=5)
    assert set(account.written().values()) == {1}


def test_a_write_that_is_done_after_the_answer_was_given_up_is_not_sent_again(tmp_path: Path) -> None:
    account, sent = MemoryAccount(sims(1)), list[Values]()

    def gateway(operation: Operation, values: Values) -> None:
        sent.append(values)
        raise silent()

    account.before = gateway
    with begun(tmp_path, account) as journal:
        assert run(account, journal).counts == Counts(1, unknown=1)
    account.before = lambda operation, values: None
    account.act(Operation.THINGS_SET_STATE, sent[0])
    with take_up(tmp_path, None) as journal:
        assert run(account, journal).counts == Counts(1, done=1)
    assert (len(sent), set(account.written().values())) == (1, {1})


def test_an_operator_that_is_away_ends_the_bulk_soon_and_a_read_that_fails_decides_nothing(tmp_path: Path) -> None:
    account = MemoryAccount(sims(50))
    tried = list[str]()

    def away(operation: Operation, values: Values) -> None:
        tried.append(str(values["thing"]))
        account.away = silent()
        raise silent()

    account.before = away
    with begun(tmp_path, account) as journal:
        known = dict(account.by_name)
        result = Bulk(account, journal, known, Pace(1e9, monotonic)).run(lambda counts, changed: None)
    assert len(tried) < 10
    assert result.counts.unknown == 5
    assert result.counts.left == 45
    error = why_not_all(result)
    assert isinstance(error, NotPossible)
    assert "bulk resume" in error.next_step
    account.away, account.before = None, lambda operation, values: None
    with take_up(tmp_path, "b") as journal:
        assert run(account, journal).counts == Counts(50, done=50)
    assert set(account.written().values()) == {1}


def test_a_quota_is_waited_for_and_the_write_that_it_stopped_is_sent_later(tmp_path: Path) -> None:
    account = MemoryAccount(sims(6))
    refused = list[str]()

    def busy(operation: Operation, values: Values) -> None:
        if len(refused) < 2 and values["thing"] == iccid(4):
            refused.append(iccid(4))
            raise UpstreamAway("429", "Wait.", code=TOO_MANY, retry_seconds=0)

    account.before = busy
    with begun(tmp_path, account) as journal:
        bulk = Bulk(account, journal, dict(account.by_name), jumping_pace())
        result = bulk.run(lambda counts, changed: None)
    assert len(refused) == 2
    assert result.counts == Counts(6, done=6)
    assert set(account.written().values()) == {1}


@pytest.mark.parametrize("count", [1, 20])
def test_a_quota_that_never_ends_ends_the_bulk(tmp_path: Path, count: int) -> None:
    account, refused, notes = MemoryAccount(sims(count)), list[str](), list[str]()

    def busy(operation: Operation, values: Values) -> None:
        refused.append(str(values["thing"]))
        raise UpstreamAway("429", "Wait.", code=TOO_MANY, retry_seconds=0)

    account.before = busy
    with begun(tmp_path, account) as journal:
        bulk = Bulk(account, journal, dict(account.by_name), jumping_pace(), note=notes.append)
        result = bulk.run(lambda counts, changed: None)
    assert len(refused) == 8 * min(count, 3)
    waits = [note.rsplit(" ", 2)[1] for note in notes[:7]]
    assert waits == ["2", "4", "8", "16", "32", "60", "60"][: len(waits)]
    assert result.counts == Counts(count), "it certainly did not happen"
    error = why_not_all(result)
    assert error is not None
    assert error.code == TOO_MANY
    account.before = lambda operation, values: None
    with take_up(tmp_path, None) as journal:
        assert run(account, journal).counts == Counts(count, done=count)


def test_one_thing_that_is_always_over_the_quota_does_not_hold_up_the_others(tmp_path: Path) -> None:
    account = MemoryAccount(sims(9))

    def busy(operation: Operation, values: Values) -> None:
        if values["thing"] == iccid(2):
            raise UpstreamAway("429", "Wait.", code=TOO_MANY, retry_seconds=0)

    account.before = busy
    with begun(tmp_path, account) as journal:
        bulk = Bulk(account, journal, dict(account.by_name), jumping_pace())
        result = bulk.run(lambda counts, changed: None)
    assert result.counts == Counts(9, done=8)
    assert [(each.thing, each.outcome) for each in result.failures] == [(iccid(2), Outcome.NOT_DONE)]


def test_who_waits_for_a_quota_is_told(tmp_path: Path) -> None:
    account, notes = MemoryAccount(sims(2)), list[str]()
    clock = iter(range(0, 1_000_000, 30))

    def busy(operation: Operation, values: Values) -> None:
        if not notes:
            raise UpstreamAway("429", "Wait.", code=TOO_MANY, retry_seconds=20)

    account.before = busy
    with begun(tmp_path, account) as journal:
        pace = Pace(1e9, lambda: float(next(clock)))
        bulk = Bulk(account, journal, dict(account.by_name), pace, note=notes.append)
        assert bulk.run(lambda counts, changed: None).counts == Counts(2, done=2)
    assert notes == ["the operator's quota is used up: waiting 20 s"]


def test_a_quota_that_lasts_for_hours_ends_the_bulk(tmp_path: Path) -> None:
    account = MemoryAccount(sims(6))

    def busy(operation: Operation, values: Values) -> None:
        raise UpstreamAway("429: the quota of the day is used up", "Wait.", code=TOO_MANY, retry_seconds=7200)

    account.before = busy
    with begun(tmp_path, account) as journal:
        result = run(account, journal)
    error = why_not_all(result)
    assert error is not None
    assert error.code == TOO_MANY
    assert result.counts == Counts(6)


def test_what_the_operator_accepted_for_later_is_never_sent_again(tmp_path: Path) -> None:
    account = MemoryAccount(sims(3))
    account.later = True
    with begun(tmp_path, account) as journal:
        result = run(account, journal)
    assert result.counts == Counts(3, unknown=3)
    assert {each.trouble.code for each in result.failures} == {"sim.pending"}
    with take_up(tmp_path, None) as journal:
        assert run(account, journal).counts == Counts(3, unknown=3)
    assert len(account.accepted) == 3, "each was sent once"
    account.later = False
    for operation, values in account.accepted:
        account.act(operation, values)
    with take_up(tmp_path, None) as journal:
        assert run(account, journal).counts == Counts(3, done=3)
    assert set(account.written().values()) == {1}


@pytest.mark.parametrize(
    "code", ["sim.unauthorized", "sim.not_offered", "sim.login", "sim.no_token", "sim.not_allowed"]
)
def test_what_is_true_of_every_sim_ends_the_bulk_at_once(tmp_path: Path, code: str) -> None:
    account, tried = MemoryAccount(sims(6)), list[str]()

    def refuse(operation: Operation, values: Values) -> None:
        tried.append(str(values["thing"]))
        raise NotPossible("no", "Correct it.", code=code)

    account.before = refuse
    with begun(tmp_path, account) as journal:
        result = run(account, journal)
    assert len(tried) == 1
    assert result.counts == Counts(6), "it certainly did not happen"
    assert result.stopped is not None


@pytest.mark.parametrize("when", ["before it is sent", "after it was done"])
def test_a_process_that_is_killed_leaves_a_bulk_that_is_taken_up(tmp_path: Path, when: str) -> None:
    """The write that was on its way is read first, and is never sent twice."""
    account = MemoryAccount(sims(8))
    with begun(tmp_path, account) as journal:
        for each in list(account.by_name.values())[:3]:
            journal.write(each.thing, Outcome.BEGUN)
            SUSPEND.send(account, each)
            journal.write(each.thing, Outcome.DONE)
        journal.write(iccid(4), Outcome.BEGUN)
        if when == "after it was done":
            SUSPEND.send(account, account.by_name[iccid(4)])
    with take_up(tmp_path, None) as journal:
        told = list[Thing]()
        result = run(account, journal, told=told)
    assert result.counts == Counts(8, done=8)
    assert set(account.written().values()) == {1}
    expected = [iccid(number) for number in range(4, 9)]
    assert sorted(each.thing for each in told) == expected, "its path is reported too"


def test_ctrl_c_waits_for_what_is_on_its_way(tmp_path: Path) -> None:
    account = MemoryAccount(sims(300))

    def stop(counts: Counts, changed: Sequence[Thing]) -> None:
        if counts.left:
            raise KeyboardInterrupt

    with begun(tmp_path, account) as journal:
        bulk = Bulk(account, journal, dict(account.by_name), Pace(600, monotonic))
        with pytest.raises(KeyboardInterrupt):
            bulk.run(stop)
        assert Outcome.BEGUN not in journal.so_far.outcomes.values()
    assert 0 < len(account.written()) < 300
    with take_up(tmp_path, None) as journal:
        assert run(account, journal).counts == Counts(300, done=300)
    assert set(account.written().values()) == {1}


def test_nothing_is_sent_when_it_cannot_be_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = MemoryAccount(sims(5))
    with begun(tmp_path, account) as journal:

        def full(thing: str, outcome: Outcome, trouble: object = None) -> None:
            raise FileNotUsable("the disk is full", "Make room.")

        monkeypatch.setattr(journal, "write", full)
        result = Bulk(account, journal, dict(account.by_name), Pace(1e9, monotonic)).run(lambda counts, changed: None)
    assert account.writes == []
    assert isinstance(result.stopped, FileNotUsable)


def test_things_that_somebody_else_changed_meanwhile_are_not_written(tmp_path: Path) -> None:
    account = MemoryAccount(sims(4))
    with begun(tmp_path, account) as journal:
        SUSPEND.send(account, account.by_name[iccid(1)])
        result = run(account, journal)
    assert result.counts == Counts(4, done=4)
    assert set(account.written().values()) == {1}


def test_tags_are_added_to_what_a_thing_has_at_that_moment(tmp_path: Path) -> None:
    account = MemoryAccount(sims(2, tags=("depot",)))
    with begun(tmp_path, account, TagsWrite(("winter",), ("gone",))) as journal:
        stale = dict(account.by_name)
        account.act(Operation.THINGS_SET_TAGS, {"thing": iccid(1), "tags": ["depot", "new", "gone"]})
        Bulk(account, journal, stale, Pace(1e9, monotonic)).run(lambda counts, changed: None)
    assert account.by_name[iccid(1)].tags == ("depot", "new", "winter")
    assert account.by_name[iccid(2)].tags == ("depot", "winter")


def test_services_are_restricted(tmp_path: Path) -> None:
    account = MemoryAccount(sims(2))
    with begun(tmp_path, account, ServicesWrite(("data",))) as journal:
        assert run(account, journal).counts.done == 2
    assert account.by_name[iccid(1)].services == ("data",)


def test_many_are_listed_and_few_are_read_one_by_one() -> None:
    account = MemoryAccount(sims(300))
    names = list(account.by_name)
    assert fresh_things(account, [*names, "gone"]) == account.by_name
    assert account.reads == 1
    assert list(fresh_things(account, [names[0], "gone"])) == names[:1]
    assert account.reads == 3


def test_a_bulk_is_named_or_the_only_one(tmp_path: Path) -> None:
    account = MemoryAccount(sims(2))
    for name in ("a", "b"):
        begin_bulk(tmp_path, BulkHead(name, "jpu", SUSPEND, tuple(account.by_name), NOW, "anna")).__exit__(
            None, None, None
        )
    with pytest.raises(EngageError) as several:
        take_up(tmp_path, None)
    assert several.value.code == "sim_bulk.several"
    with take_up(tmp_path, "a") as journal:
        run(account, journal)
    with pytest.raises(EngageError) as over:
        take_up(tmp_path, "a")
    assert over.value.code == "sim_bulk.is_over"
    with take_up(tmp_path, None) as journal:
        assert journal.so_far.head.bulk == "b"
        journal.end("dropped")
    for wanted in (None, "../a", "none"):
        with pytest.raises(NotFound):
            take_up(tmp_path, wanted)


def test_what_was_just_sent_gets_time_to_settle(tmp_path: Path) -> None:
    account = MemoryAccount(sims(1))
    with begun(tmp_path, account) as journal:
        journal.write(iccid(1), Outcome.BEGUN)
    with take_up(tmp_path, None) as journal:
        written = datetime.fromtimestamp(journal.changed_at, UTC)
        assert seconds_to_settle(journal, written + timedelta(seconds=10)) == pytest.approx(SETTLE_SECONDS - 10, abs=1)
        assert seconds_to_settle(journal, written + timedelta(hours=1)) == 0
    with take_up(tmp_path, None) as journal:
        assert datetime.fromtimestamp(journal.changed_at, UTC) == written, "to open it does not begin the wait again"
