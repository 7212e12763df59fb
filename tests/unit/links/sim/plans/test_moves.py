"""Moves between states: what the document states of them, and what they cost."""

from itertools import product

import pytest

from engage_server.links.sim.plans.moves import Footing, move_of
from engage_server.links.sim.things import Thing, ThingState

PROVISIONED, ACTIVE = ThingState.PROVISIONED, ThingState.ACTIVE
SUSPENDED, RETIRED = ThingState.SUSPENDED, ThingState.RETIRED


def thing(state: ThingState | None, word: str = "") -> Thing:
    return Thing("1", state, word)


@pytest.mark.parametrize(
    ("before", "after", "footing"),
    [
        (PROVISIONED, ACTIVE, Footing.STATED),
        (ACTIVE, SUSPENDED, Footing.STATED),
        (ACTIVE, RETIRED, Footing.STATED),
        (SUSPENDED, ACTIVE, Footing.INFERRED),
        (SUSPENDED, RETIRED, Footing.INFERRED),
        (PROVISIONED, RETIRED, Footing.INFERRED),
        (PROVISIONED, SUSPENDED, Footing.NOT_STATED),
        (ACTIVE, PROVISIONED, Footing.NOT_STATED),
        (SUSPENDED, PROVISIONED, Footing.NOT_STATED),
    ],
)
def test_what_a_move_stands_on(before: ThingState, after: ThingState, footing: Footing) -> None:
    move = move_of(thing(before), after)
    assert move.footing is footing
    assert move.is_needed
    assert move.is_final is (after is RETIRED)


def test_every_pair_of_states_has_a_sentence() -> None:
    for before, after in product(ThingState, ThingState):
        move = move_of(thing(before), after)
        assert move.why.endswith(".")
        assert move.is_needed is (before is not after and before is not RETIRED)


def test_nothing_leaves_retired() -> None:
    for after in set(ThingState) - {RETIRED}:
        move = move_of(thing(RETIRED), after)
        assert move.is_refused
        assert "our reading" in move.why
    assert not move_of(thing(RETIRED), RETIRED).is_refused


def test_a_word_that_is_no_state_is_named() -> None:
    move = move_of(thing(None, "factory-test"), ACTIVE)
    assert move.footing is Footing.NOT_STATED
    assert "'factory-test'" in move.why
    assert move.is_needed


def test_charges_are_explained_as_the_document_has_them() -> None:
    assert "costs nothing" in move_of(thing(PROVISIONED), ACTIVE).charges
    assert "whole billing cycle" in move_of(thing(ACTIVE), SUSPENDED).charges
    assert "billing cycle is charged" in move_of(thing(SUSPENDED), ACTIVE).charges
    assert "stop" in move_of(thing(ACTIVE), RETIRED).charges
    assert move_of(thing(ACTIVE), PROVISIONED).charges == "", "the document does not say"
