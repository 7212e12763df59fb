"""Which Things a command means."""

from dataclasses import replace

import pytest

from engage_server.errors import NotFound, UsageError
from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.plans.choosing import Choice
from engage_server.links.sim.things import ThingState
from tests.support.sim.memory import MemoryAccount, iccid, sims

LINKS = tuple(SimLink(f"link-{number}", "depot", "jpu", (iccid(1), iccid(number)), "", "") for number in (2, 3))


def test_each_thing_is_there_once_however_often_it_is_named() -> None:
    account = MemoryAccount(sims(4))
    assert [each.thing for each in Choice(things=(iccid(2), iccid(2))).read(account)] == [iccid(2)]
    assert [each.thing for each in Choice(links=LINKS).read(account)] == [iccid(1), iccid(2), iccid(3)]


def test_a_tag_chooses_across_groups_and_with_a_group_within_it() -> None:
    account = MemoryAccount(sims(4))
    account.by_name[iccid(3)] = replace(sims(3)[2], group="spare")
    assert len(Choice(tag="depot").read(account)) == 4
    assert [each.thing for each in Choice(tag="depot", group="spare").read(account)] == [iccid(3)]
    assert Choice(tag="depot").read(account, ThingState.ACTIVE)
    with pytest.raises(NotFound) as none:
        Choice(tag="depot").read(account, ThingState.RETIRED)
    assert none.value.code == "sim.none_chosen"


@pytest.mark.parametrize(
    "choice", [Choice(), Choice(things=("1",), tag="a"), Choice(links=LINKS, group="g"), Choice(("1",), LINKS)]
)
def test_what_is_chosen_in_no_way_or_in_two_is_refused(choice: Choice) -> None:
    with pytest.raises(UsageError):
        choice.assert_clear("THING")
    Choice(group="g", tag="t").assert_clear("THING")


def test_an_account_that_only_says_who_is_reached_has_no_states() -> None:
    account = MemoryAccount([])
    account.lacks = {Operation.THINGS_READ, Operation.THINGS_LIST}
    (thing,) = Choice(things=("+491701234567",)).read(account)
    assert (thing.state, thing.phone_number) == (None, "+491701234567")
