"""Pollers on several hosts with one PostgreSQL: each SIM is asked for once a round, and a dead host is replaced."""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from engage_server.errors import StoreNotUsable
from engage_server.links.sim.polling.database_turns import DatabaseTurns
from engage_server.links.sim.polling.memory import from_text
from engage_server.links.sim.polling.poller import AccountPoller, Polled
from engage_server.links.sim.polling.said_elsewhere import remember_said
from engage_server.links.sim.things import ThingState
from engage_server.records import PathSays
from engage_server.store.database.engine import open_engine
from engage_server.store.interface import SimPoll
from engage_server.store.links.ingress_store import IngressStore
from engage_server.store.sql_store import SqlStore
from tests.support.databases import SEALER, migrated_postgresql
from tests.support.polling import EVERY, Operator, SetClock, one_link
from tests.support.postgresql import PostgresServer
from tests.support.running import eventually
from tests.support.sim.memory import iccid, sims

LEASE = 1.0  # seconds


@dataclass
class Hosts:
    """Two hosts, each with connections of its own."""

    stores: list[IngressStore]
    owner: SqlStore
    operator: Operator
    clock: SetClock

    def poller(self, host: int, every: timedelta = EVERY, lease: float = LEASE) -> AccountPoller:
        polled = Polled(self.operator, [one_link(1, 2, 3)], every)
        turns = DatabaseTurns(self.stores[host], lease)
        return AccountPoller(
            polled, turns, self.clock, look_seconds=0.05, hold_seconds=lease / 4, question_seconds=2 * lease
        )

    @property
    def kinds(self) -> list[str]:
        return [each.event.kind for each in reversed(self.owner.path_events(None, None, None, 100))]


@pytest.fixture
def hosts(postgresql: PostgresServer) -> Iterator[Hosts]:
    url = migrated_postgresql(postgresql)
    found = Hosts(
        [IngressStore(open_engine(url)) for _ in range(2)],
        SqlStore(open_engine(url), SEALER),
        Operator(sims(3)),
        SetClock(),
    )
    yield found
    for store in found.stores:
        store.close()
    found.owner.close()


def test_two_hosts_ask_for_each_sim_once_a_round(hosts: Hosts) -> None:
    pollers = [hosts.poller(host) for host in (0, 1)]
    for number in range(1, 4):
        threads = [threading.Thread(target=poller.step) for poller in pollers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Counter(hosts.operator.asked) == {iccid(sim): number for sim in (1, 2, 3)}
        hosts.clock.passes(minutes=17)
    assert hosts.kinds in (["sim_reachable"], ["sim_reachable"] * 2), "each host says it once"
    (poll,) = hosts.owner.sim_polls()
    assert from_text(poll.memory).rounds == 3


def test_a_host_that_hangs_in_a_round_is_replaced(hosts: Hosts) -> None:
    in_the_middle, forever = threading.Event(), threading.Event()
    usual = hosts.operator.thing

    def hangs(thing: str) -> object:
        if threading.current_thread().name == "dies" and thing == iccid(2):
            in_the_middle.set()
            forever.wait(60)
        return usual(thing)

    hosts.operator.thing = hangs  # type: ignore[assignment,method-assign]
    dies, other = hosts.poller(0), hosts.poller(1)
    dying = threading.Thread(target=dies.step, name="dies", daemon=True)
    dying.start()
    assert in_the_middle.wait(60)
    other.step()
    assert hosts.kinds == [], "it is the other one's turn"
    assert eventually(lambda: other.step() and hosts.kinds, "taken over") < 3 * LEASE + 5
    assert hosts.kinds == ["sim_reachable"]
    forever.set()
    dying.join(60)
    assert hosts.kinds == ["sim_reachable"], "what the first one found counts for nothing"
    assert Counter(hosts.operator.asked)[iccid(3)] == 1, "and it asks no further, because its turn is over"
    assert from_text(hosts.owner.sim_polls()[0].memory).rounds == 1


def test_a_long_question_keeps_its_turn(hosts: Hosts) -> None:
    """One page of an operator may take longer than a turn lasts. So it is held within a question, too."""
    pause = threading.Event()
    usual = hosts.operator.thing

    def slow(thing: str) -> object:
        pause.wait(LEASE * 1.6 if thing == iccid(1) else 0)
        return usual(thing)

    hosts.operator.thing = slow  # type: ignore[assignment,method-assign]
    first, other = hosts.poller(0), hosts.poller(1)
    asking = threading.Thread(target=first.step)
    asking.start()
    while asking.is_alive():
        other.step()
        pause.wait(0.05)
    assert Counter(hosts.operator.asked) == {iccid(sim): 1 for sim in (1, 2, 3)}


def test_a_turn_that_is_lost_within_a_question_ends_the_round(hosts: Hosts) -> None:
    """Another host has it by then: nothing of this round is stored, and nothing more is asked."""
    usual = hosts.operator.thing

    def taken(thing: str) -> object:
        store, found = hosts.stores[1], hosts.stores[1].sim_poll("jpu")
        store.end_sim_poll("jpu", found.version, "", ())  # as if its lease had ended
        assert store.take_sim_poll("jpu", found.version, LEASE)
        threading.Event().wait(LEASE)
        return usual(thing)

    hosts.operator.thing = taken  # type: ignore[assignment,method-assign]
    hosts.poller(0).step()
    assert (hosts.operator.asked, hosts.kinds) == ([iccid(1)], [])
    assert hosts.stores[1].sim_poll("jpu").memory == ""


def test_memory_and_events_go_from_host_to_host(hosts: Hosts) -> None:
    first, other = hosts.poller(0), hosts.poller(1)
    first.step()
    hosts.operator.by_name[iccid(1)] = sims(1, ThingState.SUSPENDED)[0]
    hosts.clock.passes(minutes=17)
    other.step()
    hosts.clock.passes(minutes=17)
    first.step()
    assert hosts.kinds == ["sim_reachable", "sim_suspended"]


def test_a_database_that_is_away_is_told_once_and_asks_nobody(hosts: Hosts, caplog: pytest.LogCaptureFixture) -> None:
    class Away(IngressStore):
        def sim_poll(self, account: str) -> SimPoll:
            raise StoreNotUsable("the database does not answer", "Wait.")

    poller = AccountPoller(
        Polled(hosts.operator, [one_link(1)], EVERY), DatabaseTurns(Away(hosts.stores[0]._engine)), hosts.clock
    )
    poller.step()
    poller.step()
    assert hosts.operator.asked == []
    assert caplog.text.count("not polled for now") == 1


def test_what_a_command_said_is_known_on_every_host(hosts: Hosts) -> None:
    hosts.poller(0).step()
    assert hosts.kinds == ["sim_reachable"]
    hosts.clock.passes(minutes=17)
    other = hosts.poller(1)
    other.step()
    hosts.clock.passes(minutes=17)
    other.step()
    assert hosts.kinds == ["sim_reachable"] * 2, "each host says it once"
    turns = DatabaseTurns(hosts.stores[0], LEASE)
    assert remember_said(turns, "jpu", {"depot-sim": PathSays.CUT})
    hosts.clock.passes(minutes=17)
    other.step()
    assert hosts.kinds == ["sim_reachable"] * 3
