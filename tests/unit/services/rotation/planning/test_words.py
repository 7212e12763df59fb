"""The words for a plan, which the command line and the console share."""

import shlex
from datetime import datetime, timedelta

import pytest

from engage_server.checks.rules.name_rules import unnamed_hosts
from engage_server.lock.acceptance.judge import DeviceJudge
from engage_server.lock.limits import DeviceLimits
from engage_server.records import AnchorRole, Host, RotationWay
from engage_server.services.evidence.pace import Pace
from engage_server.services.releases.expiry import MARGIN
from engage_server.services.rotation.planning import words
from engage_server.services.rotation.planning.plan import RotationPlan, Situation, keys_for, make_plan
from tests.support.chains import HOSTS, NOW, good_chain, key

DAY = timedelta(days=1)
CHAIN = good_chain("2026").chain


def plan(now: datetime = NOW, hosts: tuple[Host, ...] = HOSTS) -> RotationPlan:
    situation = Situation(
        "main",
        hosts,
        AnchorRole.ROOT,
        4,
        CHAIN,
        unnamed_hosts(CHAIN.server, hosts),
        now,
        Pace(3 * DAY, "measured", is_measured=True),
        frozenset({"intermediate"}),
    )
    return make_plan(
        situation,
        [key(number) for number in range(keys_for(CHAIN))],
        DeviceJudge(DeviceLimits(), accepts_partial_chain=False),
    )


@pytest.fixture(scope="module")
def made() -> RotationPlan:
    return plan()


def test_what_doors_notice(made: RotationPlan) -> None:
    assert {way.way.value: words.noticed(way) for way in made.ways} == {
        "server-renewal": "nothing",
        "intermediate-renewal": "nothing",
        "root-renewal": "nothing",
        "linked-rekey": "TLS fails once, 2nd chain",
        "cut-over": "TLS fails once",
    }
    assert [words.fails_with(way) for way in made.ways] == [0, 0, 0, 2, 1]


def test_what_is_offered(made: RotationPlan) -> None:
    offered = {way.way.value: words.offered(way, made) for way in made.ways}
    assert offered == {
        "server-renewal": "yes",
        "intermediate-renewal": "no key",
        "root-renewal": "no key",
        "linked-rekey": "no key",
        "cut-over": "yes",
    }


def test_until_when_a_way_is_safe_and_whether_it_is_due(made: RotationPlan) -> None:
    days = {way.way: words.last_safe_start(way, made) for way in made.ways}
    assert days[RotationWay.SERVER_RENEWAL] == CHAIN.server.not_valid_after_utc - MARGIN - 3 * DAY
    assert days[RotationWay.CUT_OVER] == CHAIN.root.not_valid_after_utc - MARGIN - 6 * DAY
    assert not any(words.is_due(way, made) for way in made.ways)
    late = plan(CHAIN.server.not_valid_after_utc - 20 * DAY)
    assert [way.way for way in late.ways if words.is_due(way, late)] == [RotationWay.SERVER_RENEWAL]


def test_a_new_host_makes_the_server_renewal_due() -> None:
    asked = plan(hosts=(*HOSTS, Host("new.example.org")))
    assert [way.way for way in asked.ways if words.is_due(way, asked)] == [RotationWay.SERVER_RENEWAL]


def test_the_command_for_the_other_machine_can_be_pasted(made: RotationPlan) -> None:
    command = words.command_elsewhere(made.way(RotationWay.LINKED_REKEY), made)
    assert shlex.split(command)[:4] == ["engage", "chain", "renew", f"certs/main-{NOW:%Y-%m-%d}"]
    assert command.endswith(" ".join(f"--host {host}" for host in HOSTS))
    assert "--way linked-rekey" in command


def test_every_way_says_what_it_replaces() -> None:
    assert len({words.changes(way) for way in RotationWay}) == len(RotationWay)
