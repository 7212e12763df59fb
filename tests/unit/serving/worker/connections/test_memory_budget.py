"""Who gives way when the memory for requests and answers is used up; and that every byte is given back."""

import random
from dataclasses import dataclass

from engage_server.serving.worker.connections.memory_budget import MemoryBudget

MIB = 1024 * 1024


@dataclass(eq=False)
class Client:
    address: str = "192.0.2.1"
    held_bytes: int = 0
    held_since: float = 0.0
    can_give_way: bool = True


def budget_of(limit: int, *held: tuple[Client, int], now: float = 0.0) -> MemoryBudget[Client]:
    budget: MemoryBudget[Client] = MemoryBudget(limit)
    for client, count in held:
        budget.settle(client, count, now)
    return budget


def test_what_is_held_is_said_anew_not_added() -> None:
    client = Client()
    budget = budget_of(1000, (client, 600))
    budget.settle(client, 900, 0)
    assert (budget.held_bytes, budget.is_over()) == (900, False)
    budget.settle(client, 1001, 0)
    assert budget.is_over()
    budget.settle(client, 0, 0)
    assert (budget.held_bytes, budget.is_over(), budget.who_gives_way(9)) == (0, False, None)


def test_an_address_over_its_share_gives_way_first_with_its_largest() -> None:
    """One that holds many small ones is asked before a single larger one of somebody else."""
    crowd = [Client("192.0.2.66") for _ in range(200)]
    biggest, other = Client("192.0.2.66"), Client("192.0.2.7")
    held = [(each, 10_000) for each in crowd]
    budget = budget_of(8 * MIB, (other, 900_000), *held, (biggest, 40_000))
    assert budget.who_gives_way(60) is biggest
    budget.settle(biggest, 0, 60)
    assert budget.who_gives_way(60) in crowd
    for each in crowd:
        budget.settle(each, 0, 60)
    assert budget.who_gives_way(60) is other, "no address is over its share: now the one who holds most"


def test_the_share_is_of_a_whole_ipv6_network() -> None:
    mine = [Client(f"2001:db8:1:2::{number:x}") for number in range(1, 30)]
    other = Client("2001:db8:1:3::1")
    budget = budget_of(80_000, (other, 3_900), *((each, 400) for each in mine))
    assert budget.who_gives_way(60) in mine


def test_a_newcomer_is_asked_after_those_who_have_stayed() -> None:
    """Many addresses, each within its share: a large upload that has just come is not who keeps the others out."""
    slow = [Client(f"198.51.100.{number}") for number in range(200)]
    newcomer = Client("192.0.2.1")
    budget = budget_of(200 * 6000, *((each, 6000) for each in slow), now=0)
    budget.settle(newcomer, 100_000, 50)
    assert budget.is_over()
    assert budget.who_gives_way(50.1) in slow
    assert budget.who_gives_way(120) is newcomer, "when it is slow itself, it is the largest"


def test_who_cannot_give_way_is_passed_over() -> None:
    """A thread works with it: to close its connection would free nothing."""
    busy, other = Client(can_give_way=False), Client("192.0.2.2")
    budget = budget_of(MIB, (busy, 900_000), (other, 10))
    assert budget.who_gives_way(1) is other
    budget.settle(other, 0, 1)
    assert budget.who_gives_way(1) is None


def test_no_byte_is_lost_or_counted_twice() -> None:
    """Whatever clients do in whatever order; the loop below is what the worker does at the end of each turn."""
    chance = random.Random(14)  # noqa: S311  # not for secrets
    clients = [Client(f"192.0.2.{number % 7}") for number in range(60)]
    budget = budget_of(100_000)
    gave_way = 0
    for step in range(5000):
        client = chance.choice(clients)
        client.can_give_way = chance.random() < 0.9
        budget.settle(client, chance.choice((0, 0, 1, chance.randrange(50_000))), step)
        while budget.is_over():
            leaves = budget.who_gives_way(step)
            if leaves is None:
                break
            assert leaves.can_give_way
            assert leaves.held_bytes > 0
            budget.settle(leaves, 0, step)
            gave_way += 1
        assert budget.held_bytes == sum(each.held_bytes for each in clients)
        assert budget.held_bytes <= 100_000 or not any(each.can_give_way and each.held_bytes for each in clients)
    assert gave_way > 100
    for each in clients:
        budget.settle(each, 0, 5000)
    assert budget.held_bytes == 0
    assert budget._by_network == {}
    assert budget._networks_by_size == {}
    assert budget._all.by_size == {}
