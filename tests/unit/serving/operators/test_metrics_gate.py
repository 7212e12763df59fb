"""Who may see the metrics, also while the database is away."""

from datetime import timedelta

import pytest

from engage_server.errors import Refused, StoreNotUsable
from engage_server.records import Actor, ActorKind, Grant, Occasion, Role
from engage_server.services.access.tokens import Tokens
from engage_server.serving.operators.metrics_gate import MetricsGate
from tests.support.chains import NOW
from tests.support.world import World

ROOT = Actor("root", ActorKind.COMMAND_LINE)


class Gate:
    """A gate, a clock that is set by hand, and a database that can go away."""

    def __init__(self, world: World, *, is_open: bool = False) -> None:
        self.tokens = Tokens(world.store)
        self.now = NOW
        self.is_away = self.is_known_to_be_away = False
        self.asked = 0
        self._gate = MetricsGate(
            self._known_tokens, lambda: self.now, lambda: self.is_known_to_be_away, is_open=is_open
        )

    def _known_tokens(self) -> Tokens:
        self.asked += 1
        if self.is_away:
            raise StoreNotUsable("the database is away", "Wait.")
        return self.tokens

    def add(self, name: str, role: Role = Role.VIEWER, sites: frozenset[str] | None = None, days: int = 90) -> str:
        return self.tokens.add(name, Grant(role, sites), days, ROOT, Occasion("root", NOW))

    def code(self, token: str) -> str:
        """ "" when they are shown, else why not."""
        try:
            self._gate.assert_may_see(token)
        except (Refused, StoreNotUsable) as error:
            return error.code
        return ""


@pytest.fixture
def gate(world: World) -> Gate:
    return Gate(world)


def test_on_this_machine_nobody_is_asked(world: World) -> None:
    gate = Gate(world, is_open=True)
    assert [gate.code(""), gate.code("engage_wrong"), gate.asked] == ["", "", 0]


def test_who_may(gate: Gate) -> None:
    good = gate.add("prometheus")
    assert gate.code(good) == ""
    assert gate.code(gate.add("stronger", Role.ADMIN)) == ""
    assert gate.code("") == "token.missing"
    assert gate.code(good[:-1]) == "token.malformed"
    assert gate.code(gate.add("narrow", sites=frozenset({"main"}))) == "access.site"
    gate.now += timedelta(days=91)
    assert gate.code(good) == "token.ended"


def test_a_revoked_token_ends_at_once(gate: Gate) -> None:
    good = gate.add("prometheus")
    assert gate.code(good) == ""
    gate.tokens.revoke("prometheus", Occasion("root", NOW))
    assert gate.code(good) == "token.revoked"
    gate.is_away = True
    assert gate.code(good) == "store.not_usable", "it was forgotten with the refusal"


def test_while_the_database_is_away(gate: Gate) -> None:
    known, unknown = gate.add("prometheus"), gate.add("other")
    assert gate.code(known) == ""
    gate.is_away = True
    assert gate.code(known) == ""
    assert gate.code(unknown) == "store.not_usable"
    asked = gate.asked
    gate.is_known_to_be_away = True
    assert gate.code(known) == ""
    assert gate.asked == asked, "a scrape does not wait for what is known to be away"
    gate.now += timedelta(hours=24)
    assert gate.code(known) == "store.not_usable"


def test_few_are_remembered(gate: Gate) -> None:
    tokens = [gate.add(f"t{number}") for number in range(66)]
    assert {gate.code(each) for each in tokens} == {""}
    gate.is_away = True
    assert [gate.code(each) for each in (tokens[0], tokens[1], tokens[2], tokens[65])] == ["store.not_usable"] * 2 + [
        ""
    ] * 2
