"""Rounds of a poll on one host: each SIM once, events that survive an interruption, and an operator in trouble."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engage_server.errors import EngageError, NotPossible, UpstreamAway, UpstreamSilent, UsageError
from engage_server.file_locks import locked
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.polling.asking import PolledLink
from engage_server.links.sim.polling.host_turns import HostTurns, folder_of, memory_of
from engage_server.links.sim.polling.memory import AccountMemory, from_text
from engage_server.links.sim.polling.poller import AccountPoller, Polled
from engage_server.links.sim.things import Reachability, ThingState
from tests.support.polling import EVERY, Kept, Operator, SetClock, one_link
from tests.support.sim.memory import iccid, sims

AWAY = UpstreamSilent("the operator does not answer", "Wait.")


class Setting:
    """One host with one account."""

    def __init__(self, folder: Path, *links: PolledLink, sims_of_it: int = 3) -> None:
        self.folder = folder
        self.operator = Operator(sims(sims_of_it))
        self.journal, self.clock = Kept(), SetClock()
        self.poller = self.another(links or (one_link(1),))

    def another(self, links: Sequence[PolledLink]) -> AccountPoller:
        """A process on this host."""
        polled = Polled(self.operator, links, EVERY)
        return AccountPoller(polled, HostTurns(self.folder, self.journal), self.clock)

    def round(self, **time: float) -> None:
        """Let time pass, and let the poll look."""
        self.clock.passes(**time)
        self.poller.step()

    @property
    def memory(self) -> AccountMemory:
        return from_text(memory_of(self.folder, "jpu"))


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def test_a_round_comes_at_the_pace_and_tells_what_changed(setting: Setting) -> None:
    setting.round()
    assert setting.journal.kinds == ["sim_reachable"]
    assert setting.poller.step() <= 60, "nothing is due"
    setting.round(minutes=10)
    assert setting.operator.asked == [iccid(1)]
    setting.operator.by_name[iccid(1)] = sims(1, ThingState.SUSPENDED)[0]
    setting.round(minutes=10)
    assert setting.journal.kinds == ["sim_reachable", "sim_suspended"]
    assert (setting.memory.rounds, setting.memory.things, setting.memory.trouble) == (2, 1, "")


def test_a_sim_on_two_links_is_asked_for_once(tmp_path: Path) -> None:
    links = one_link(1, 2), one_link(2, link="second"), one_link(link="third", group="locks")
    setting = Setting(tmp_path, *links)
    setting.round()
    assert setting.operator.asked == [iccid(1), iccid(2)]
    assert [event.link for event in setting.journal.events] == ["depot-sim", "second", "third"]


def test_a_sim_that_may_not_carry_is_not_asked_about_at_the_network(setting: Setting) -> None:
    setting.operator.by_name[iccid(1)] = sims(1, ThingState.SUSPENDED)[0]
    setting.round()
    assert setting.operator.reads == 1
    setting.operator.by_name[iccid(1)] = sims(1)[0]
    setting.operator.lacks.add(Operation.THINGS_REACHABILITY)
    setting.round(minutes=20)
    assert setting.operator.reads == 2


def test_an_account_that_knows_no_states_is_asked_whether_its_network_reaches_the_sim(setting: Setting) -> None:
    """As CAMARA's Device Reachability Status."""
    setting.operator.lacks.add(Operation.THINGS_READ)
    setting.round()
    assert (setting.operator.asked, setting.journal.kinds) == ([], ["sim_reachable"])


def test_an_operator_that_is_away_says_nothing_of_the_path(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    setting.round()
    setting.operator.away = AWAY
    for hours in (1, 2, 4, 10):
        setting.round(hours=hours)
    assert setting.journal.kinds == ["sim_reachable"]
    assert setting.memory.failures == 4
    assert setting.memory.trouble == "the operator does not answer"
    setting.operator.away = None
    setting.round(hours=9)
    assert (setting.memory.failures, setting.memory.trouble, setting.memory.trouble_since) == (0, "", None)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2, "one at the begin, one at the end"
    assert "does not answer" in lines[0]
    assert "again" in lines[1]


def test_failures_slow_it_down_and_an_operator_that_asks_for_a_pause_gets_it(setting: Setting) -> None:
    setting.operator.away = UpstreamAway("too many requests", code="sim.quota", retry_seconds=7200)
    setting.round()
    setting.operator.away = AWAY
    setting.round(minutes=110)
    assert setting.memory.rounds == 1
    setting.round(minutes=20)
    assert (setting.memory.rounds, setting.memory.failures) == (2, 2)
    setting.round(minutes=50)
    assert setting.memory.rounds == 2
    setting.round(minutes=20)
    assert setting.memory.rounds == 3


@pytest.mark.parametrize(
    "error",
    [
        UpstreamSilent("it has no state", code="sim.answer"),
        UsageError("it is no number of a SIM", code="sim.value"),
        UsageError("a bad request", code="sim.bad_request"),
    ],
)
def test_one_odd_sim_does_not_hide_the_others(tmp_path: Path, error: EngageError) -> None:
    setting = Setting(tmp_path, one_link(1), one_link(2, link="second"))
    setting.operator.wrong[iccid(1)] = error
    setting.round()
    assert [event.link for event in setting.journal.events] == ["second"]
    assert (setting.memory.failures, setting.memory.trouble) == (0, error.sentence)


def test_after_days_without_a_round_everything_is_said_again(setting: Setting) -> None:
    """The link may have been away from links.toml, and forgotten in the store."""
    setting.operator.by_name[iccid(1)] = sims(1, ThingState.SUSPENDED)[0]
    setting.operator.lacks.add(Operation.THINGS_REACHABILITY)
    setting.round()
    setting.operator.by_name[iccid(1)] = replace(sims(1)[0], is_connected=None)
    setting.round(minutes=20)
    setting.round(minutes=20)
    assert setting.journal.kinds == ["sim_suspended", "sim_active"]
    setting.round(hours=25)
    assert setting.journal.kinds == ["sim_suspended", "sim_active", "sim_active"]


def test_a_process_that_read_the_links_anew_says_everything_again(setting: Setting) -> None:
    """A link may have been removed and registered anew in between."""
    setting.round()
    setting.round(minutes=20)
    assert setting.journal.kinds == ["sim_reachable"]
    setting.poller = setting.another((one_link(1),))
    setting.round(minutes=20)
    setting.round(minutes=20)
    assert setting.journal.kinds == ["sim_reachable", "sim_reachable"]


def test_an_operator_cannot_silence_the_poll_for_years(setting: Setting) -> None:
    setting.operator.away = UpstreamAway("too many requests", code="sim.quota", retry_seconds=999_999_999)
    setting.round()
    setting.operator.away = None
    setting.round(hours=7)
    assert setting.memory.rounds == 1
    setting.round(hours=2)
    assert setting.journal.kinds == ["sim_reachable"]


def test_a_mistyped_sim_is_trouble_and_no_word_of_the_path(tmp_path: Path) -> None:
    setting = Setting(tmp_path, one_link(77), one_link(2, link="second"))
    setting.round()
    assert [event.link for event in setting.journal.events] == ["second"]
    assert setting.memory.trouble == f"account jpu has no SIM {iccid(77)}, so link depot-sim says nothing of it"
    assert setting.memory.failures == 0


def test_a_link_that_ends_each_round_does_not_shut_out_the_others(tmp_path: Path) -> None:
    setting = Setting(tmp_path, one_link(1), one_link(2, link="second"), one_link(3, link="third"))
    setting.operator.wrong[iccid(1)] = NotPossible("an error of the server", code="sim.server")
    for _ in range(3):
        setting.round(hours=9)
    assert {event.link for event in setting.journal.events} == {"second", "third"}


def test_a_full_disk_is_tried_again_with_the_same_keys(setting: Setting) -> None:
    setting.journal.is_full = True
    setting.round()
    assert setting.memory == AccountMemory()
    setting.journal.is_full = False
    setting.round(seconds=5)
    assert setting.journal.kinds == ["sim_reachable"]


def test_an_interruption_between_events_and_memory_tells_nothing_twice(setting: Setting) -> None:
    setting.round()
    (setting.folder / "sim" / "polls" / "jpu" / "memory.json").unlink()
    setting.round(seconds=5)
    assert len(setting.journal.given) == 2
    assert setting.journal.kinds == ["sim_reachable"]


def test_two_processes_of_one_host_take_turns(setting: Setting) -> None:
    other = setting.another((one_link(1),))
    for _ in range(4):
        setting.clock.passes(minutes=17)
        setting.poller.step()
        other.step()
    assert setting.operator.asked == [iccid(1)] * 4


def test_who_looked_before_a_round_of_another_process_gets_no_turn(setting: Setting) -> None:
    """The round that was due has been done meanwhile."""
    turns = HostTurns(setting.folder, setting.journal)
    before = turns.look("jpu")
    setting.round()
    assert turns.take("jpu", before) is None
    turn = turns.take("jpu", turns.look("jpu"))
    assert turn is not None
    turn.drop()


def test_a_round_waits_while_another_process_has_the_turn(setting: Setting) -> None:
    setting.round()
    with locked(folder_of(setting.folder, "jpu"), 0):
        setting.round(minutes=20)
        assert setting.memory.rounds == 1
    setting.round()
    assert setting.memory.rounds == 2


def test_a_stop_ends_a_round_that_then_counts_for_nothing(tmp_path: Path) -> None:
    setting = Setting(tmp_path, one_link(1, 2, 3))
    setting.operator.reaches[iccid(1)] = Reachability.NONE
    stopping = setting.operator.reached

    def reached(thing: object) -> object:
        setting.poller.stop()
        return stopping(thing)  # type: ignore[arg-type]

    setting.operator.reached = reached  # type: ignore[assignment,method-assign]
    setting.round()
    assert setting.operator.asked == [iccid(1)]
    assert (setting.memory, setting.journal.kinds) == (AccountMemory(), [])


def test_memory_that_cannot_be_read_is_told_once(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    folder_of(setting.folder, "jpu").mkdir(parents=True)
    (folder_of(setting.folder, "jpu") / "memory.json").mkdir()
    setting.round()
    setting.round(minutes=20)
    assert len([record for record in caplog.records if "not polled for now" in record.getMessage()]) == 1


def test_a_defect_ends_no_thread_and_is_logged(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    setting.operator.by_name = None  # type: ignore[assignment]
    assert setting.poller.step() > 0
    assert "could not be polled" in caplog.text


def test_links_with_expectations_are_confirmed_in_time(tmp_path: Path) -> None:
    setting = Setting(tmp_path, replace(one_link(1), expects=timedelta(minutes=60)))
    for _ in range(12):
        setting.round(minutes=17)
    assert 4 <= len(setting.journal.events) <= 12
