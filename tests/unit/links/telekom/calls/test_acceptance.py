"""The two test cases, with answers and notifications that a test makes."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest

from engage_server.errors import UpstreamSilent
from engage_server.links.telekom.calls.acceptance import Means, Outcome, run_case
from engage_server.links.telekom.messages.verifying import Verified, verify
from engage_server.records import PathEvent, PathSays
from tests.support.signed_messages import NOW, signed, trust

WAIT = dt.timedelta(minutes=1)


class World:
    """A clock that only sleeping moves, a portal, and what it sent later."""

    def __init__(self, answer: str, *events: PathEvent) -> None:
        self.at = NOW
        self.answer = answer
        self.coming = list(events)
        self.told: list[str] = []
        self.called: list[tuple[str, str, Mapping[str, Any]]] = []

    def means(self) -> Means:
        return Means(self._call, self._events, lambda: self.at, self._sleep, lambda step: self.told.append(step.what))

    def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Verified:
        self.called.append((service, operation, parameters))
        if not self.answer:
            raise UpstreamSilent("the portal does not answer")
        return verify(signed(self.answer), trust(), NOW)

    def _events(self, since: dt.datetime) -> list[PathEvent]:
        return [event for event in self.coming if since <= event.at <= self.at]

    def _sleep(self, seconds: float) -> None:
        self.at += dt.timedelta(seconds=seconds)

    def run(self, case: str) -> Outcome:
        return run_case(case, {"iccid": "89"}, ["89"], WAIT, self.means())


def came(seconds: int, message: str = "M2MAdmResponse", identifiers: str = "89") -> PathEvent:
    detail = {"message": message, "identifiers": identifiers, "sha256": "ab"}
    at = NOW + dt.timedelta(seconds=seconds)
    return PathEvent("depot", "sim", at, "telekom_notification", PathSays.NOTHING, detail, "k")


def test_case_a_passes() -> None:
    world = World("<SIMUsageResponse/>")
    outcome = world.run("a")
    assert (outcome.failure, len(outcome.steps)) == ("", 2)
    assert world.called == [("m2mmon", "SIMUsageGet", {"iccid": "89"})]
    assert world.told == [step.what for step in outcome.steps]


def test_case_b_waits_for_what_comes_later() -> None:
    outcome = World("<MessageResponse/>", came(40)).run("b")
    assert outcome.failure == ""
    assert [step.at for step in outcome.steps[2:]] == [NOW + dt.timedelta(seconds=40)] * 2


@pytest.mark.parametrize(
    "event", [came(-1), came(90), came(40, "M2MMonResponse"), came(40, identifiers="88 90"), came(40, identifiers="")]
)
def test_another_notification_does_not_count(event: PathEvent) -> None:
    assert World("<MessageResponse/>", event).run("b").failure == "no M2MAdmResponse came within 1 min"


@pytest.mark.parametrize("case", ["a", "b"])
def test_another_answer_fails(case: str) -> None:
    assert "the answer is not" in World("<Other/>", came(1)).run(case).failure
    assert World("", came(1)).run(case).failure == "[upstream.silent] the portal does not answer"
