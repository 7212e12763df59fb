"""Who asks for much waits, who asks for little does not, and nobody is forgotten."""

from dataclasses import dataclass

from engage_server.serving.fair_turns import FairTurns


@dataclass
class Call:
    address: str
    number: int = 0


class Clock:
    """Seconds in the test's hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def turns_with_heavy(*addresses: str) -> tuple[FairTurns[Call], Clock]:
    clock = Clock()
    turns: FairTurns[Call] = FairTurns(clock)
    clock.now = 0.5
    for address in addresses:
        turns.count(address, 0.3)
    return turns, clock


def taken(turns: FairTurns[Call], clock: Clock, seconds: float) -> list[Call]:
    """Who is served in one turn, when each takes so long."""
    found = []
    for call, _ in turns.deferred():
        found.append(call)
        clock.now += seconds
    return found


def test_an_address_is_light_until_it_has_used_much() -> None:
    turns, clock = turns_with_heavy("10.0.0.1")
    assert not turns.is_light("10.0.0.1")
    assert turns.is_light("10.0.0.2")
    clock.now = 0.54
    turns.count("10.0.0.2", 0.5)
    assert turns.is_light("10.0.0.2"), "forty milliseconds are a night's call-in"
    clock.now = 0.56
    turns.count("10.0.0.2", 0.54)
    assert not turns.is_light("10.0.0.2")


def test_what_was_used_is_forgotten_after_two_windows() -> None:
    turns, _ = turns_with_heavy("10.0.0.1")
    turns.begin(1.0)
    assert not turns.is_light("10.0.0.1"), "it counts for the window after it"
    turns.begin(2.0)
    assert turns.is_light("10.0.0.1")
    turns.count("10.0.0.1", 0.0)
    turns.begin(60.0)
    assert turns.is_light("10.0.0.1"), "after a long silence both are old"


def test_one_network_of_ipv6_is_one_address() -> None:
    turns, _ = turns_with_heavy("2001:db8::1")
    assert not turns.is_light("2001:db8::ffff")
    assert turns.is_light("2001:db8:0:1::1")


def test_a_turn_has_a_few_milliseconds_for_those_that_wait() -> None:
    turns, clock = turns_with_heavy("10.0.0.1")
    for number in range(10):
        turns.defer(Call("10.0.0.1", number), 1)
    assert [each.number for each in taken(turns, clock, 0.002)] == [0, 1, 2], "in their order, until the time is over"
    assert [each.number for each in taken(turns, clock, 1.0)] == [3], "one at least"
    assert turns
    assert len(taken(turns, clock, 0.0)) == 6, "all of them, where they cost nothing"
    assert not turns


def test_addresses_take_turns_and_the_lightest_goes_first() -> None:
    turns, clock = turns_with_heavy("10.0.0.1", "10.0.0.2")
    clock.now += 0.1
    turns.count("10.0.0.1", 0.5)
    for number in range(3):
        turns.defer(Call("10.0.0.1", number), 1)
    turns.defer(Call("10.0.0.2", 7), 1)
    assert taken(turns, clock, 0.001) == [Call("10.0.0.2", 7), *(Call("10.0.0.1", number) for number in range(3))]


def test_who_has_something_waiting_does_not_overtake_itself() -> None:
    turns, _ = turns_with_heavy("10.0.0.1")
    turns.defer(Call("10.0.0.1"), 1)
    turns.begin(5.0)
    assert not turns.is_light("10.0.0.1")


def test_more_are_accepted_only_while_heavy_ones_wait() -> None:
    turns, _ = turns_with_heavy("10.0.0.1")
    assert turns.accepts() == 1
    turns.defer(Call("10.0.0.1"), 1)
    assert turns.accepts() > 100
