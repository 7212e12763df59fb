"""Deadlines and admission: who has to go, and when."""

from dataclasses import dataclass

import pytest

from engage_server.serving.worker.connections.admission import Admission, network_of
from engage_server.serving.worker.connections.deadlines import Deadlines, Phase


@dataclass(eq=False)
class Client:
    address: str = "192.0.2.1"
    phase: Phase = Phase.HEADER


def test_a_phase_ends_in_time_whatever_the_client_does() -> None:
    deadlines: Deadlines[Client] = Deadlines({Phase.HEADER: 30, Phase.IDLE: 5})
    early, late = Client(), Client()
    deadlines.enter(early, Phase.HEADER, 100)
    deadlines.enter(late, Phase.HEADER, 110)
    assert deadlines.overdue(129.9) == []
    assert deadlines.overdue(130.1) == [early]
    assert deadlines.overdue(140.1) == [early, late]
    deadlines.enter(early, Phase.IDLE, 131)
    assert deadlines.overdue(135) == []
    assert deadlines.overdue(136.1) == [early]
    deadlines.leave(early)
    assert deadlines.overdue(139) == []
    assert [deadlines.count(phase) for phase in (Phase.HEADER, Phase.IDLE)] == [1, 0]


def test_our_own_answer_has_no_deadline() -> None:
    deadlines: Deadlines[Client] = Deadlines({Phase.HEADER: 30})
    client = Client()
    deadlines.enter(client, Phase.ANSWERING, 0)
    assert deadlines.overdue(1e9) == []
    assert deadlines.longest_waiting() is None


def test_the_longest_waiting_is_found_across_phases() -> None:
    deadlines: Deadlines[Client] = Deadlines({Phase.HEADER: 30, Phase.IDLE: 300, Phase.HANDSHAKE: 1})
    clients = [Client() for _ in range(4)]
    for at, (client, phase) in enumerate(
        zip(clients, (Phase.ANSWERING, Phase.IDLE, Phase.HANDSHAKE, Phase.HEADER), strict=True)
    ):
        deadlines.enter(client, phase, at)
    assert deadlines.longest_waiting() is clients[1]
    deadlines.leave(clients[1])
    assert deadlines.longest_waiting() is clients[2]


def test_over_its_share_an_address_pushes_out_its_own_oldest() -> None:
    admission: Admission[Client] = Admission(100, 2)
    mine = [Client() for _ in range(3)]
    other = Client("192.0.2.2")
    admission.add(other)
    admission.add(mine[0])
    admission.add(mine[1])
    assert admission.one_too_many_like(mine[1]) is None
    admission.add(mine[2])
    assert admission.one_too_many_like(mine[2]) is mine[0]
    mine[0].phase = Phase.ANSWERING
    assert admission.one_too_many_like(mine[2]) is mine[1], "who waits for us is not pushed out"
    admission.remove(mine[1])
    assert admission.one_too_many_like(mine[2]) is None
    assert len(admission) == 3


def test_the_limit_in_all() -> None:
    admission: Admission[Client] = Admission(2, 100)
    clients = [Client(f"192.0.2.{n}") for n in range(3)]
    for client in clients[:2]:
        admission.add(client)
    assert not admission.is_full()
    admission.add(clients[2])
    assert admission.is_full()
    admission.remove(clients[0])
    admission.remove(clients[0])
    assert not admission.is_full()
    assert len(admission) == 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8:0:1::1", "2001:db8::2", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same
