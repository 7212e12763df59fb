"""Who counts where two persons are needed, as tables: no second name, no token and no shared account does."""

from dataclasses import replace
from itertools import permutations

import pytest

from engage_server.errors import Refused
from engage_server.records import Actor, ActorKind, Approval
from engage_server.services.access.approvals import Candidate, admit, count, person_of
from tests.support.chains import NOW

SHELL, SIGNED_IN, TOKEN, SERVERS = ActorKind.COMMAND_LINE, ActorKind.PERSON, ActorKind.TOKEN, ActorKind.SERVERS


def given(*persons: str, alone: bool = False) -> list[Approval]:
    return [Approval(1, person, NOW, "why", is_alone=alone) for person in persons]


def admitted(actor: Actor, started_by: str, *before: str, alone: bool = False) -> Approval:
    return admit(Candidate(actor, alone), started_by, given(*before), NOW, "why", 1)


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("anna", "anna"),
        ("anna as root", "anna"),
        ("anna as engage", "anna"),
        ("HOUSE\\anna as root", "HOUSE\\anna"),
        # nobody in particular
        ("root", ""),
        ("Root", ""),
        ("engage", ""),
        ("root as engage", ""),
        ("bert as anna", ""),  # bert uses anna's account, or anna says that she is bert
        ("anna as root as bert", ""),
        (" as root", ""),
        ("uid 10001", ""),
        ("uid 10001 as root", ""),
        ("unknown user", ""),
        ("token ci", ""),
        ("the servers themselves", ""),
        ("", ""),
    ],
)
def test_the_person_behind_a_name(name: str, person: str) -> None:
    assert person_of(name) == person


@pytest.mark.parametrize(
    "starter", ["anna", "anna as root", "anna as engage", "Anna", "anna@example.org", "HOUSE\\anna"]
)
@pytest.mark.parametrize(
    ("actor", "code"),
    [
        # the control: another person, through either face
        (Actor("bert", SHELL), ""),
        (Actor("bert as root", SHELL), ""),
        (Actor("bert", SIGNED_IN), ""),
        (Actor("annabelle", SIGNED_IN), ""),
        # the starter, under any name
        (Actor("anna", SHELL), "approval.same_person"),
        (Actor("anna as root", SHELL), "approval.same_person"),
        (Actor("ANNA", SHELL), "approval.same_person"),
        (Actor("anna", SIGNED_IN), "approval.same_person"),
        (Actor("anna@example.org", SIGNED_IN), "approval.same_person"),
        (Actor("house\\Anna as root", SHELL), "approval.same_person"),
        # nobody in particular
        (Actor("root", SHELL), "approval.nobody"),
        (Actor("engage", SHELL), "approval.nobody"),
        (Actor("bert as anna", SHELL), "approval.nobody"),
        (Actor("uid 10001", SHELL), "approval.nobody"),
        # no person at all
        (Actor("token ci", TOKEN), "access.people_only"),
        (Actor("bert", TOKEN), "access.people_only"),
        (Actor("the servers themselves", SERVERS), "access.people_only"),
        (Actor("bert", SERVERS), "access.people_only"),
    ],
)
def test_who_may_approve_what_somebody_started(starter: str, actor: Actor, code: str) -> None:
    if code:
        with pytest.raises(Refused) as refused:
            admitted(actor, starter)
        assert refused.value.code == code
        assert not count(starter, given(actor.name)).is_enough or actor.name == "bert", "nor would its row count"
        return
    approval = admitted(actor, starter)
    assert approval == Approval(1, person_of(actor.name), NOW, "why")
    assert count(starter, [approval]).is_enough


@pytest.mark.parametrize("starter", ["root", "engage", "token ci", "bert as anna", "uid 10001"])
def test_what_nobody_in_particular_started_needs_two(starter: str) -> None:
    """Anybody may have been behind it, also the first who approves."""
    first = admitted(Actor("anna as root", SHELL), starter)
    assert not count(starter, [first]).is_enough
    assert count(starter, [first]).missing.endswith("two persons must approve it. anna has")
    with pytest.raises(Refused, match="ANNA has approved this step already") as refused:
        admitted(Actor("ANNA", SIGNED_IN), starter, "anna")
    assert refused.value.code == "approval.given"
    second = admitted(Actor("bert", SIGNED_IN), starter, "anna")
    assert count(starter, [first, second]).is_enough


@pytest.mark.parametrize("name", ["anna as root", "root", "uid 10001"])
def test_alone_is_for_the_command_line_and_says_so(name: str) -> None:
    approval = admitted(Actor(name, SHELL), "anna", alone=True)
    assert approval.is_alone
    assert count("anna", [approval]).is_enough
    assert not count("anna", [replace(approval, is_alone=False)]).is_enough, "the control"
    for actor, code in (
        (Actor("anna", SIGNED_IN), "access.command_line_only"),
        (Actor(name, TOKEN), "access.people_only"),
        (Actor(name, SERVERS), "access.people_only"),
    ):
        with pytest.raises(Refused) as refused:
            admitted(actor, "anna", alone=True)
        assert refused.value.code == code


def test_who_counts_anyway_is_not_alone() -> None:
    assert not admitted(Actor("bert as root", SHELL), "anna", alone=True).is_alone
    assert not admitted(Actor("anna as root", SHELL), "anna", "bert", alone=True).is_alone, "bert has approved"


@pytest.mark.parametrize("order", list(permutations(("anna", "root", "bert", "ANNA"))))
def test_the_order_does_not_matter(order: tuple[str, ...]) -> None:
    assert count("anna", given(*order)).persons == ("bert",)
    assert count("anna", given(*(each for each in order if each != "bert"))).missing
